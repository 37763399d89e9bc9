"""The commands: what each takes, needs and answers, and the function that does it."""

from dataclasses import dataclass

COMMON = ("command", "repository", "repository-shard-length", "token", "transport")
_ENCRYPTION = ("encryption-key", "encryption-kid", "encryption")
_NAMED = ("key-type", "shard-length", "redirect-allow", *_ENCRYPTION)
_REGISTRY = ("expiry-registry",)
_KEY = ("key", *_NAMED, *_REGISTRY)
_KEYS = ("key", "keys", *_NAMED, *_REGISTRY)
_SHOW = ("default", "on-missing", "output-file", "mask")
_LIFETIME = ("ttl", "expires-at", "expiry-granularity")
_RIVALS = ("max-attempts", "follow-writes")
_WRITE = ("if", "if-version", *_RIVALS)
_VERSIONED = ("if-version", *_RIVALS)
_CONFIG = ("config",)
_BUDGET = ("dry-run", "max-writes", "max-seconds", *_CONFIG)
_COUNT = (*_KEY, "by", "op-id", "contention", *_RIVALS)
_TIMES = ("ttl", "expires-at")
_REPORT = ("count", "report", "requests-used", "rate-remaining")

JOBS = ("gather", "sweep", "purge")
"""The jobs of maintenance, in the order in which ``maintain`` runs them."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``needs`` lists alternatives: of each group at least one input must be given."""

    name: str
    family: str
    summary: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] = ()

    @property
    def module(self) -> str:
        """Give the module of the function."""
        return self.function.partition(":")[0]

    @property
    def attribute(self) -> str:
        """Give the name of the function in its module."""
        return self.function.partition(":")[2]

    @property
    def maintains(self) -> bool:
        """Tell maintenance from step mode."""
        return self.module.startswith("maintenance.")

    @property
    def spans(self) -> bool:
        """Tell whether the command maintains databases, and so all that a config file lists; an expiry registry is none."""
        return self.maintains and self.name != "publish-expiries"

    @property
    def subject(self) -> str:
        """Give what the command is about, in a word: a key, or the field or element that its inputs name."""
        return "field" if "field" in self.inputs else "element" if self.attribute in {"aget", "apop"} else "key"

    @property
    def jobs(self) -> tuple[str, ...]:
        """Give the jobs that the command runs; none for most."""
        return JOBS if self.name == "maintain" else tuple(job for job in JOBS if job == self.name)


_VALUES, _EXPIRY, _COUNTERS = "git_keyval.commands.values", "git_keyval.commands.expiry", "git_keyval.commands.counters"
_MAPS, _ARRAYS = "git_keyval.commands.maps", "git_keyval.commands.arrays"
_LOCKS = "git_keyval.commands.locks"
_USED = ("requests-used", "rate-remaining")
_CONTENT = ("value", "value-file", "type", "media-type")
_ELEMENT = ("found", "value", "json", "type", "version", *_TIMES)

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "get",
            "values",
            "Read a key.",
            f"{_VALUES}:get",
            (*_KEY, *_SHOW),
            ("found", "value", "json", "type", "version", *_TIMES, "url", *_USED),
            (("key",),),
        ),
        Command(
            "set",
            "values",
            "Write a key, with conditions and a time to live.",
            f"{_VALUES}:set_",
            (*_KEY, *_CONTENT, *_LIFETIME, "keep-ttl", *_WRITE, "store-key", "op-id"),
            ("found", "applied", "version", *_TIMES, "old-value", "url", *_USED),
            (("key",), ("value", "value-file")),
        ),
        Command(
            "del",
            "values",
            "Delete keys.",
            f"{_VALUES}:del_",
            (*_KEYS, *_VERSIONED),
            ("applied", "count", *_USED),
            (("key", "keys"),),
        ),
        Command(
            "getdel",
            "values",
            "Delete a key and answer with its value; one caller only gets it.",
            f"{_VALUES}:getdel",
            (*_KEY, *_SHOW, *_VERSIONED),
            ("found", "applied", "value", "json", "type", "version", *_TIMES, *_USED),
            (("key",),),
        ),
        Command(
            "exists",
            "values",
            "Tell whether keys exist.",
            f"{_VALUES}:exists",
            (*_KEYS, "on-missing"),
            ("found", "count", *_USED),
            (("key", "keys"),),
        ),
        Command(
            "type",
            "values",
            "Tell the type of a key's value.",
            f"{_VALUES}:type_",
            (*_KEY, "on-missing"),
            ("found", "type", "version", *_USED),
            (("key",),),
        ),
        Command(
            "mget",
            "values",
            "Read several keys at once.",
            f"{_VALUES}:mget",
            ("keys", *_NAMED, *_REGISTRY, "on-missing"),
            ("found", "json", "count", *_USED),
            (("keys",),),
        ),
        Command(
            "mset",
            "values",
            "Write several keys, all or none.",
            f"{_VALUES}:mset",
            ("values", "type", *_NAMED, *_LIFETIME, "store-key", *_RIVALS),
            ("applied", "count", *_USED),
            (("values",),),
        ),
        Command(
            "expire",
            "expiry",
            "Give a key a new time to expire.",
            f"{_EXPIRY}:expire",
            (*_KEY, *_LIFETIME, *_VERSIONED),
            ("found", "applied", "version", *_TIMES, *_USED),
            (("key",), ("ttl", "expires-at")),
        ),
        Command(
            "persist",
            "expiry",
            "Take a key's expiry away.",
            f"{_EXPIRY}:persist",
            (*_KEY, *_VERSIONED),
            ("found", "applied", "version", *_TIMES, *_USED),
            (("key",),),
        ),
        Command(
            "ttl",
            "expiry",
            "Tell how long a key has left.",
            f"{_EXPIRY}:ttl",
            (*_KEY, "on-missing"),
            ("found", "version", *_TIMES, *_USED),
            (("key",),),
        ),
        Command(
            "incr",
            "counters",
            "Add to a counter, exactly once.",
            f"{_COUNTERS}:incr",
            _COUNT,
            ("applied", "value", "json", "pending", "version", *_USED),
            (("key",),),
        ),
        Command(
            "decr",
            "counters",
            "Subtract from a counter, exactly once.",
            f"{_COUNTERS}:decr",
            _COUNT,
            ("applied", "value", "json", "pending", "version", *_USED),
            (("key",),),
        ),
        Command(
            "hget",
            "maps",
            "Read a field of a map, or several.",
            f"{_MAPS}:hget",
            (*_KEY, "field", "fields", *_SHOW),
            (*_ELEMENT, "count", *_USED),
            (("key",), ("field", "fields")),
        ),
        Command(
            "hset",
            "maps",
            "Write fields of a map, and leave the others as they are.",
            f"{_MAPS}:hset",
            (*_KEY, "field", *_CONTENT, "values", *_LIFETIME, "keep-ttl", *_WRITE, "store-key"),
            ("applied", "count", "version", *_TIMES, *_USED),
            (("key",), ("field", "values"), ("value", "value-file", "values")),
        ),
        Command(
            "hdel",
            "maps",
            "Remove fields of a map.",
            f"{_MAPS}:hdel",
            (*_KEY, "field", "fields", *_VERSIONED),
            ("applied", "count", "version", *_USED),
            (("key",), ("field", "fields")),
        ),
        Command(
            "hgetall",
            "maps",
            "Read all fields of a map.",
            f"{_MAPS}:hgetall",
            (*_KEY, "on-missing"),
            ("found", "json", "count", "version", *_TIMES, *_USED),
            (("key",),),
        ),
        Command(
            "hkeys",
            "maps",
            "List the fields of a map.",
            f"{_MAPS}:hkeys",
            (*_KEY, "on-missing"),
            ("found", "json", "count", "version", *_USED),
            (("key",),),
        ),
        Command(
            "hlen",
            "maps",
            "Count the fields of a map.",
            f"{_MAPS}:hlen",
            (*_KEY, "on-missing"),
            ("found", "count", "version", *_USED),
            (("key",),),
        ),
        Command(
            "hexpire",
            "maps",
            "Give fields of a map a new time to expire.",
            f"{_MAPS}:hexpire",
            (*_KEY, "field", "fields", *_LIFETIME, *_VERSIONED),
            ("found", "applied", "count", "version", *_TIMES, *_USED),
            (("key",), ("field", "fields"), ("ttl", "expires-at")),
        ),
        Command(
            "httl",
            "maps",
            "Tell how long a field of a map has left.",
            f"{_MAPS}:httl",
            (*_KEY, "field", "on-missing"),
            ("found", "version", *_TIMES, *_USED),
            (("key",), ("field",)),
        ),
        Command(
            "hpersist",
            "maps",
            "Take the expiry of fields of a map away.",
            f"{_MAPS}:hpersist",
            (*_KEY, "field", "fields", *_VERSIONED),
            ("found", "applied", "count", "version", *_USED),
            (("key",), ("field", "fields")),
        ),
        Command(
            "aget",
            "arrays",
            "Read an element of an array.",
            f"{_ARRAYS}:aget",
            (*_KEY, "index", *_SHOW),
            (*_ELEMENT, *_USED),
            (("key",), ("index",)),
        ),
        Command(
            "aset",
            "arrays",
            "Write an element of an array, or fill a hole.",
            f"{_ARRAYS}:aset",
            (*_KEY, "index", *_CONTENT, *_LIFETIME, "keep-ttl", *_WRITE),
            ("applied", "count", "version", *_TIMES, *_USED),
            (("key",), ("index",), ("value", "value-file")),
        ),
        Command(
            "apush",
            "arrays",
            "Add an element at the end of an array.",
            f"{_ARRAYS}:apush",
            (*_KEY, *_CONTENT, *_LIFETIME, *_VERSIONED, "store-key"),
            ("applied", "count", "version", *_TIMES, *_USED),
            (("key",), ("value", "value-file")),
        ),
        Command(
            "apop",
            "arrays",
            "Take the last element of an array; one caller only gets it.",
            f"{_ARRAYS}:apop",
            (*_KEY, *_SHOW, *_VERSIONED),
            (*_ELEMENT, "applied", "count", *_USED),
            (("key",),),
        ),
        Command(
            "alen",
            "arrays",
            "Tell how long an array is.",
            f"{_ARRAYS}:alen",
            (*_KEY, "on-missing"),
            ("found", "count", "version", *_USED),
            (("key",),),
        ),
        Command(
            "arange",
            "arrays",
            "Read the elements of an array, or some of them.",
            f"{_ARRAYS}:arange",
            (*_KEY, "start", "stop", "on-missing"),
            ("found", "json", "count", "version", *_USED),
            (("key",),),
        ),
        Command(
            "aexpire",
            "arrays",
            "Give an element of an array a new time to expire.",
            f"{_ARRAYS}:aexpire",
            (*_KEY, "index", *_LIFETIME, *_VERSIONED),
            ("found", "applied", "count", "version", *_TIMES, *_USED),
            (("key",), ("index",), ("ttl", "expires-at")),
        ),
        Command(
            "keys",
            "keyspace",
            "List the stored keys by name.",
            "git_keyval.commands.keyspace:keys",
            ("key", *_ENCRYPTION, *_REGISTRY),
            ("found", "json", "count", *_USED),
        ),
        Command(
            "redirect",
            "redirects",
            "Say that keys live in another repository.",
            "git_keyval.commands.redirects:redirect",
            (*_KEYS, "redirect-to", "redirect-shard-length", "if-version", "max-attempts"),
            ("applied", "count", *_USED),
            (("key", "keys"), ("redirect-to",)),
        ),
        Command(
            "lock",
            "locks",
            "Take a lock for a time, or renew it; fail if another owner holds it.",
            f"{_LOCKS}:lock",
            (*_KEY, *_LIFETIME, "owner", "wait", *_RIVALS),
            ("applied", "owner", "fence", *_TIMES, "version", *_USED),
            (("key",), _TIMES),
        ),
        Command(
            "unlock",
            "locks",
            "Release a lock that its owner still holds.",
            f"{_LOCKS}:unlock",
            (*_KEY, "owner", *_RIVALS),
            ("applied", "owner", "fence", "version", *_USED),
            (("key",), ("owner",)),
        ),
        Command(
            "gather",
            "maintenance",
            "Fold counter breadcrumbs into their counters.",
            "maintenance.jobs:gather",
            ("grace-period", *_REGISTRY, *_BUDGET),
            _REPORT,
        ),
        Command(
            "sweep", "maintenance", "Remove expired keys and elements.", "maintenance.jobs:sweep", (*_REGISTRY, *_BUDGET), _REPORT
        ),
        Command(
            "purge",
            "maintenance",
            "Delete what getdel parked, once it is old.",
            "maintenance.jobs:purge",
            ("retention", *_BUDGET),
            _REPORT,
        ),
        Command(
            "maintain",
            "maintenance",
            "Gather, sweep and purge.",
            "maintenance.jobs:maintain",
            ("grace-period", "retention", *_REGISTRY, *_BUDGET),
            _REPORT,
        ),
        Command(
            "init",
            "maintenance",
            "Make a repository ready to be a database.",
            "maintenance.init:init",
            (*_ENCRYPTION, *_CONFIG),
            ("applied", "count", *_USED),
        ),
        Command("check", "maintenance", "Verify a database and change nothing.", "maintenance.check:check", _CONFIG, _REPORT),
        Command(
            "publish-expiries",
            "maintenance",
            "Publish the days on which keys may expire, in an expiry registry.",
            "maintenance.jobs:publish_expiries",
            ("horizon", *_BUDGET),
            _REPORT,
        ),
    )
}
"""All commands by name."""
