"""An example or two of each command, as typed at a terminal where GIT_KEYVAL_REPOSITORY names the database.

The terminal command's help and docs/commands.md show them; a test runs them, in this order, in a directory of their own.
"""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "get": ("git-keyval get greeting", "git-keyval get logo > logo.png", "git-keyval get colour --default blue"),
    "set": (
        "git-keyval set greeting hello",
        "git-keyval set session 8f2c --ttl 15m",
        'git-keyval set deploy \'{"commit": "1a2b3c", "ok": true}\' --type json',
        "git-keyval set logo - --type file --media-type image/png < logo.png",
        "git-keyval set lock \"$HOSTNAME\" --if absent --ttl 10m --exit-code && echo 'mine for ten minutes'",
    ),
    "del": ("git-keyval del greeting session",),
    "getdel": ("git-keyval getdel inbox --output-file message.txt",),
    "exists": ("git-keyval exists deploy logo", "git-keyval exists deploy --exit-code > /dev/null && echo deployed"),
    "type": ("git-keyval type deploy",),
    "mget": ("git-keyval mget deploy greeting --json | jq .json.deploy.commit",),
    "mset": ('git-keyval mset \'{"region": "eu", "replicas": 3}\'', "git-keyval mset - --store-key < settings.json"),
    "expire": ("git-keyval expire deploy --ttl 30d", "git-keyval expire deploy --expires-at 2099-01-31T12:00:00Z"),
    "persist": ("git-keyval persist deploy",),
    "ttl": ("git-keyval ttl session",),
    "incr": (
        "git-keyval incr builds",
        'git-keyval incr builds --op-id "$RUN_ID"  # run again under the same id, it counts once',
        "git-keyval incr visits --by 10 --contention breadcrumb",
    ),
    "decr": ("git-keyval decr slots --by 2",),
    "hget": ("git-keyval hget rollout percent", "git-keyval hget rollout region --default eu"),
    "hset": (
        "git-keyval hset rollout percent 20",
        'git-keyval hset rollout --values \'{"region": "eu", "owner": "ada"}\'',
        "git-keyval hset rollout paused yes --ttl 1h --if absent",
    ),
    "hdel": ("git-keyval hdel rollout region owner",),
    "hgetall": ("git-keyval hgetall rollout --json | jq .json.percent",),
    "hkeys": ("git-keyval hkeys rollout",),
    "hlen": ("git-keyval hlen rollout",),
    "hexpire": ("git-keyval hexpire rollout percent owner --ttl 30d",),
    "httl": ("git-keyval httl rollout percent",),
    "hpersist": ("git-keyval hpersist rollout percent",),
    "aget": ("git-keyval aget queue 0", "git-keyval aget queue -1"),
    "aset": ("git-keyval aset queue 0 'build 4'",),
    "apush": ("git-keyval apush queue 'build 5'", "git-keyval apush results '{\"ok\": true}' --type json --ttl 7d"),
    "apop": ("git-keyval apop queue",),
    "alen": ("git-keyval alen queue",),
    "arange": ("git-keyval arange queue", "git-keyval arange results -10 -1 --json"),
    "aexpire": ("git-keyval aexpire queue 0 --ttl 1d",),
    "keys": ("git-keyval keys", "git-keyval keys 'feature-*' --json"),
    "redirect": (
        "git-keyval redirect moved --redirect-to team/archive",
        "git-keyval redirect moved --redirect-to none",
    ),
    "gather": ("git-keyval gather --grace-period 5m",),
    "sweep": ("git-keyval sweep --dry-run",),
    "purge": ("git-keyval purge --retention 30d",),
    "maintain": ("git-keyval maintain --dry-run", "git-keyval maintain --max-seconds 600"),
    "init": ("git-keyval init",),
    "check": ("git-keyval check", "git-keyval check --json | jq '.report.problems[].ref'"),
    "publish-expiries": ("git-keyval publish-expiries --dry-run", "git-keyval publish-expiries --horizon 800d"),
}
"""The examples by the name of their command."""
