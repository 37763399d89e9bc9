"""Keys that live in another repository: read there, and written there only if asked."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.redirects import Redirect, encode_redirect
from tests.action.conftest import Served
from tests.action.steps import Ended, Workflow, expiry_ref, refs, value_ref, version_of
from tests.servers.binary import git_output, init_bare, run_git

KEY, VALUE = "markedkey4f2a", "markedvalue9d3b"
ANCHOR = "refs/tags/kv/dummy-tree"


@dataclass
class Org:
    """Bare repositories below one folder, each ``owner/name.git``, and a workflow that works on any of them."""

    root: Path
    workflow: Workflow

    def make(self, name: str) -> Path:
        path = self.root / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        init_bare(path)
        return path

    def run(self, name: str, command: str, /, **inputs: str) -> Ended:
        ended = self.workflow.run(command, **{"repository": f"{self.root}/{name}.git", "key": KEY, **inputs})
        assert VALUE not in ended.log
        assert KEY not in ended.log
        return ended

    def refs(self, name: str) -> dict[str, str]:
        return refs(self.root / f"{name}.git")

    def plant(self, name: str, redirect: Redirect, *, anchored: bool = True) -> None:
        """Redirect the key behind the back of all commands."""
        path = self.root / f"{name}.git"
        (commit,) = stored(path, encode_redirect(redirect).data)
        run_git("update-ref", value_ref(KEY), commit, directory=path)
        if anchored:
            (anchor,) = stored(path, REDIRECT_ANCHOR.data)
            run_git("update-ref", ANCHOR, anchor, directory=path)


def stored(path: Path, *commits: bytes) -> list[str]:
    for made in DUMMY_OBJECTS:
        git_output("hash-object", "-t", made.kind, "-w", "--stdin", directory=path, stdin=made.data)
    return [git_output("hash-object", "-t", "commit", "-w", "--stdin", directory=path, stdin=data) for data in commits]


@pytest.fixture
def org(tmp_path: Path) -> Org:
    made = Org(tmp_path / "git", Workflow(tmp_path / "steps", ""))
    for name in ("org/old", "org/new"):
        made.make(name)
    return made


@pytest.fixture
def moved(org: Org) -> Org:
    """Redirect the key, which the other repository holds."""
    assert org.run("org/new", "set", value=VALUE, ttl="1h").code == 0
    assert org.run("org/old", "redirect", redirect_to="org/new").outputs["applied"] == "true"
    return org


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["get", "exists", "type", "ttl"])
def test_a_read_of_a_redirected_key_answers_as_where_it_lives(moved: Org, command: str) -> None:
    there, here = moved.run("org/new", command), moved.run("org/old", command)
    assert here.code == 0
    assert {**here.answers, "ttl": ""} == {**there.answers, "ttl": ""}
    assert int(here.outputs["requests-used"]) > int(there.outputs["requests-used"])


def test_several_keys_are_read_where_each_of_them_lives(moved: Org) -> None:
    moved.run("org/old", "mset", key="", values='{"a": 1, "z": true}', follow_writes="true")
    listed = f'["z", "{KEY}", "a", "missing"]'
    ended = moved.run("org/old", "mget", key="", keys=listed)
    assert ended.outputs["json"] == f'{{"z":true,"{KEY}":"{VALUE}","a":1}}'
    assert (ended.outputs["count"], ended.outputs["found"]) == ("3", "false")
    ended = moved.run("org/old", "exists", key="", keys=f'["z", "{KEY}"]')
    assert (ended.outputs["count"], ended.outputs["found"]) == ("2", "true")


def test_redirects_lead_on_to_redirects(moved: Org) -> None:
    for number in range(1, 6):
        moved.make(f"org/hop{number}")
    for number in range(1, 5):
        moved.plant(f"org/hop{number}", Redirect(f"org/hop{number + 1}", 2))
    moved.plant("org/hop5", Redirect("org/new", 2))
    assert moved.run("org/hop1", "get").outputs["value"] == VALUE
    moved.plant("org/old", Redirect("org/hop1", 2))
    error = moved.run("org/old", "get").error
    assert "redirect to org/new is not followed: there were 5 redirects before it" in error


@pytest.mark.parametrize("length", [2, 1], ids=["to itself", "in a ring"])
def test_a_circle_of_redirects_is_refused(org: Org, length: int) -> None:
    names = ["org/old", "org/new"][: 3 - length]
    for name, target in zip(names, names[1:] + names[:1], strict=True):
        org.plant(name, Redirect(target, 2))
    assert "circle" in org.run("org/old", "get").error
    assert "circle" in org.run("org/old", "set", value="x", follow_writes="true").error


def test_the_shard_length_of_the_target_is_its_own(org: Org) -> None:
    """Also within one repository, which is how its shard length is changed."""
    assert org.run("org/new", "set", value=VALUE, shard_length="5").code == 0
    assert org.run("org/old", "redirect", redirect_to="org/new", redirect_shard_length="5").code == 0
    assert org.run("org/old", "get").outputs["value"] == VALUE
    assert org.run("org/old", "set", value="w", follow_writes="true").code == 0
    assert org.run("org/new", "get", shard_length="5").outputs["value"] == "w"
    assert org.run("org/new", "get").outputs["found"] == "false"
    assert org.run("org/new", "redirect", redirect_to="org/new", redirect_shard_length="5").code == 0
    assert org.run("org/new", "get").outputs["value"] == "w"


def test_a_redirect_to_another_owner_is_followed_only_if_it_is_allowed(org: Org) -> None:
    org.make("team/new")
    org.run("team/new", "set", value=VALUE)
    org.plant("org/old", Redirect("team/new", 2))
    error = org.run("org/old", "get").error
    assert "redirect to team/new is not followed: it is of another owner" in error
    assert "redirect-allow" in error
    for allowed in ("*", "team/*", "team/new", "other/x\nteam/new", '["team/new"]'):
        assert org.run("org/old", "get", redirect_allow=allowed).outputs["value"] == VALUE
    for refused in ("org/*", "team/old", "Team/*", "[]"):
        assert "not followed" in org.run("org/old", "get", redirect_allow=refused).error


def test_a_list_of_repositories_takes_the_place_of_the_owner(moved: Org) -> None:
    assert "not followed" in moved.run("org/old", "get", redirect_allow="org/other").error
    assert moved.run("org/old", "get", redirect_allow="org/new").outputs["value"] == VALUE


def test_a_repository_without_an_owner_in_its_path_follows_nothing(moved: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(moved.root / "org")
    assert "no owner in its address" in moved.run("org/old", "get", repository="./old.git").error
    assert moved.run("org/old", "get", repository="../org/old.git").outputs["value"] == VALUE
    monkeypatch.chdir(moved.root)
    assert moved.run("org/old", "get", repository="./org/old.git").outputs["value"] == VALUE
    assert moved.run("org/old", "get", repository=f"file://{moved.root}/org/old.git").outputs["value"] == VALUE


def test_a_target_that_is_not_there_is_an_error_and_not_an_absent_key(org: Org) -> None:
    org.plant("org/old", Redirect("org/gone", 2))
    assert "org/gone.git" in org.run("org/old", "get", on_missing="ok", default="x").error


@pytest.mark.parametrize(
    "message",
    [
        '{"category":"redirect","repository":"https://example.org/o/n","shardLength":2,"version":2}\n',
        '{"category":"redirect","repository":"../new","shardLength":2,"version":2}\n',
        '{"category":"redirect","repository":"org/../new","shardLength":2,"version":2}\n',
        '{"category":"redirect","repository":"org/new","shardLength":0,"version":2}\n',
    ],
)
def test_a_record_that_leads_elsewhere_is_malformed_and_is_not_followed(moved: Org, message: str) -> None:
    path = moved.root / "org/old.git"
    (commit,) = stored(path, encode_redirect(Redirect("org/new", 2)).data.partition(b"\n\n")[0] + b"\n\n" + message.encode())
    run_git("update-ref", value_ref(KEY), commit, directory=path)
    for command in ("get", "type"):
        assert "not a valid record" in moved.run("org/old", command).error
    assert moved.run("org/old", "check", key="").code == 1
    assert moved.run("org/old", "del").outputs["count"] == "1"


# --- writing --------------------------------------------------------------------------------------------------------

PASSING = ("ttl", "expires-at", "version")
WRITES: dict[str, dict[str, str]] = {
    "set": {"value": "new"},
    "set if absent": {"value": "new", "if_": "absent"},
    "set if present": {"value": "new", "if_": "present"},
    "set keep-ttl": {"value": "new", "keep_ttl": "true"},
    "set counter": {"value": "5", "type": "counter"},
    "mset": {"key": "", "values": f'{{"other": 1, "{KEY}": "new"}}'},
    "expire": {"ttl": "2h"},
    "persist": {},
    "del": {},
    "del of several": {"key": "", "keys": f'["other", "{KEY}"]'},
    "getdel": {},
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_a_redirected_key_is_refused_and_names_the_repository(moved: Org, name: str) -> None:
    before = moved.refs("org/old"), moved.refs("org/new")
    error = moved.run("org/old", name.partition(" ")[0], **WRITES[name]).error
    assert "org/new (shard-length 2)" in error
    assert "follow-writes" in error
    assert (moved.refs("org/old"), moved.refs("org/new")) == before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_done_where_the_key_lives_if_that_is_asked_for(moved: Org, name: str) -> None:
    twin = moved.make("org/twin")
    moved.run("org/twin", "set", value=VALUE, ttl="1h")
    before = moved.refs("org/old")[value_ref(KEY)]
    there = moved.run("org/twin", name.partition(" ")[0], **WRITES[name])
    here = moved.run("org/old", name.partition(" ")[0], **WRITES[name], follow_writes="true")
    assert here.code == 0
    # What is left of a lifetime, and a counter's own operation, differ from run to run.
    assert {**here.answers, **dict.fromkeys(PASSING, "")} == {**there.answers, **dict.fromkeys(PASSING, "")}
    assert moved.refs("org/old")[value_ref(KEY)] == before
    assert moved.refs("org/new").get(value_ref(KEY)) == refs(twin).get(value_ref(KEY)) or name == "set counter"
    assert moved.run("org/new", "get").outputs.get("value") == moved.run("org/twin", "get").outputs.get("value")
    assert [moved.run(name, "check", key="").code for name in ("org/old", "org/new")] == [0, 0]


@pytest.mark.parametrize("command", ["copy", "rename"])
def test_a_redirected_key_is_copied_where_it_lives_if_the_other_lives_there_too(moved: Org, command: str) -> None:
    assert "follow-writes" in moved.run("org/old", command, to="other").error
    error = moved.run("org/old", command, to="other", follow_writes="true").error
    assert "org/old" in error
    assert "org/new" in error
    moved.run("org/old", "redirect", key="other", redirect_to="org/new")
    moved.run("org/new", "set", key="other", value="replaced")
    moved.run("org/old", "redirect", key="other", redirect_to="org/new")
    assert moved.run("org/old", command, to="other", follow_writes="true").outputs["applied"] == "true"
    assert moved.run("org/new", "get", key="other").outputs["value"] == VALUE


def test_an_increment_is_counted_once_where_the_counter_lives(org: Org) -> None:
    org.run("org/new", "incr", by="5")
    org.run("org/old", "redirect", redirect_to="org/new")
    assert "org/new" in org.run("org/old", "incr").error
    assert org.run("org/old", "incr", follow_writes="true", op_id="run-1").outputs["value"] == "6"
    assert org.run("org/old", "incr", follow_writes="true", op_id="run-1").outputs["value"] == "6"
    assert org.run("org/new", "get").outputs["value"] == "6"


def test_mset_writes_none_of_its_keys_where_one_is_redirected(moved: Org) -> None:
    moved.run("org/old", "mset", key="", values=f'{{"a": 1, "{KEY}": "new"}}')
    assert moved.run("org/old", "get", key="a").outputs["found"] == "false"
    assert moved.run("org/old", "mset", key="", values=f'{{"a": 1, "{KEY}": "new"}}', follow_writes="true").outputs["count"] == "2"
    assert moved.run("org/old", "get", key="a").outputs["value"] == "1"
    assert moved.run("org/new", "get").outputs["value"] == "new"


def test_what_was_written_before_another_repository_failed_is_told(moved: Org) -> None:
    hook = moved.root / "org/new.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    error = moved.run("org/old", "mset", key="", values=f'{{"a": 1, "{KEY}": "new"}}', follow_writes="true").error
    assert f"What belongs to {moved.root}/org/old.git was written; in {moved.root}/org/new.git: " in error
    assert "refused" in error
    assert moved.run("org/old", "get", key="a").outputs["value"] == "1"
    assert moved.run("org/new", "get").outputs["value"] == VALUE


@pytest.mark.parametrize("anchor", ["redirect anchor", "absent"])
def test_a_write_that_reads_nothing_finds_out_and_goes_on(moved: Org, anchor: str) -> None:
    """Keys that live here are written here, whatever other keys do."""
    if anchor == "absent":
        run_git("update-ref", "-d", ANCHOR, directory=moved.root / "org/old.git")
    assert moved.run("org/old", "set", key="here", value="1", ttl="1h", store_key="true").outputs["applied"] == "true"
    assert moved.run("org/old", "set", key="here", value="2").outputs["applied"] == "true"
    assert moved.run("org/old", "get", key="here").outputs["value"] == "2"
    assert expiry_ref("here") not in moved.refs("org/old")
    expected = NULL_COMMIT if anchor == "absent" else REDIRECT_ANCHOR
    assert moved.refs("org/old")[ANCHOR] == expected.oid


# --- the command ----------------------------------------------------------------------------------------------------


def test_redirect_moves_value_expiry_and_anchor_in_one(moved: Org) -> None:
    commit = encode_redirect(Redirect("org/new", 2)).oid
    assert moved.refs("org/old") == {value_ref(KEY): commit, ANCHOR: REDIRECT_ANCHOR.oid}
    again = moved.run("org/old", "redirect", redirect_to="org/new")
    assert (again.outputs["applied"], again.outputs["count"]) == ("true", "1")


def test_a_key_that_has_a_value_is_redirected_only_to_where_the_key_is(org: Org) -> None:
    org.run("org/old", "set", value=VALUE, ttl="1h", store_key="true")
    before = org.refs("org/old")
    error = org.run("org/old", "redirect", redirect_to="org/new").error
    assert "would be lost" in error
    assert org.refs("org/old") == before
    org.run("org/new", "set", value="copied")
    assert org.run("org/old", "redirect", redirect_to="org/new").outputs["applied"] == "true"
    assert expiry_ref(KEY) not in org.refs("org/old")
    assert org.run("org/old", "get").outputs["value"] == "copied"
    assert org.run("org/old", "keys", key="").outputs["json"] == f'["{KEY}"]'


def test_a_redirect_is_conditional_on_the_version_that_was_copied(org: Org) -> None:
    org.run("org/old", "set", value=VALUE)
    org.run("org/new", "set", value=VALUE)
    org.run("org/old", "set", value="written since")
    refused = org.run("org/old", "redirect", redirect_to="org/new", if_version=version_of(VALUE))
    assert (refused.code, refused.outputs["applied"], refused.outputs["count"]) == (0, "false", "0")
    assert org.run("org/old", "redirect", redirect_to="org/new", if_version=version_of("written since")).outputs["count"] == "1"


def test_increments_that_wait_keep_a_counter_from_being_redirected(org: Org) -> None:
    for name in ("org/old", "org/new"):
        org.run(name, "set", value="5", type="counter")
    time, op = "20260101T000000000000Z", "waiting1"
    path = org.root / "org/old.git"
    (crumb,) = stored(path, NULL_COMMIT.data + b"+3\n")
    run_git("update-ref", "-d", ANCHOR, directory=path)
    folder = value_ref(KEY).replace("refs/heads", "refs/tags").replace("/val-", "/bc-")
    org.run("org/old", "del")
    org.run("org/old", "incr")
    run_git("update-ref", f"{folder}/{time}-{op}", crumb, directory=path)
    error = org.run("org/old", "redirect", redirect_to="org/new").error
    assert "gather" in error
    assert org.run("org/old", "gather", key="", grace_period="0s").code == 0
    assert org.run("org/old", "get").outputs["value"] == "4"
    assert org.run("org/old", "redirect", redirect_to="org/new").outputs["applied"] == "true"


def test_a_redirect_is_taken_away(moved: Org) -> None:
    assert moved.run("org/old", "redirect", redirect_to="none").outputs["count"] == "1"
    assert moved.run("org/old", "get").outputs["found"] == "false"
    assert moved.run("org/new", "get").outputs["value"] == VALUE
    moved.run("org/old", "set", value="a value")
    kept = moved.run("org/old", "redirect", redirect_to="none")
    assert (kept.outputs["applied"], kept.outputs["count"]) == ("false", "0")
    assert moved.run("org/old", "get").outputs["value"] == "a value"


def test_a_key_is_redirected_elsewhere(moved: Org) -> None:
    moved.make("org/newer")
    assert moved.run("org/old", "redirect", redirect_to="org/newer").outputs["applied"] == "true"
    assert moved.run("org/old", "get").outputs["found"] == "false"


def test_whether_the_key_is_there_is_asked_as_a_reader_would(moved: Org) -> None:
    """The repository that a key is redirected to may redirect it itself."""
    moved.make("org/first")
    moved.run("org/first", "set", value=VALUE)
    assert moved.run("org/first", "redirect", redirect_to="org/old").outputs["applied"] == "true"
    assert moved.run("org/first", "get").outputs["value"] == VALUE
    moved.run("org/new", "del")
    moved.make("org/second")
    moved.run("org/second", "set", value=VALUE)
    assert "would be lost" in moved.run("org/second", "redirect", redirect_to="org/old").error
    moved.run("org/new", "redirect", redirect_to="org/second")
    assert "circle" in moved.run("org/second", "redirect", redirect_to="org/old").error
    assert moved.run("org/second", "get").outputs["value"] == VALUE


def test_a_redirect_that_nobody_could_follow_is_not_made(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is nothing yet that could be lost."""
    monkeypatch.chdir(org.root / "org")
    assert "names the repository that holds the key" in org.run("org/old", "redirect", redirect_to="org/old").error
    assert "no owner in its address" in org.run("", "redirect", repository="./old.git", redirect_to="org/new").error
    assert org.refs("org/old") == {}


@pytest.mark.parametrize("target", ["org/old", "org/old-of-another-length"])
def test_a_key_is_not_redirected_to_itself(org: Org, target: str) -> None:
    org.run("org/old", "set", value=VALUE)
    inputs = {"redirect_shard_length": "3"} if target != "org/old" else {}
    error = org.run("org/old", "redirect", redirect_to="org/old", **inputs).error
    assert ("names the repository that holds the key" in error) is (target == "org/old")
    assert org.run("org/old", "get").outputs["value"] == VALUE


def test_several_keys_are_redirected_together_or_not_at_all(org: Org) -> None:
    org.run("org/old", "mset", key="", values='{"a": 1, "b": 2}')
    org.run("org/new", "set", key="a", value="1")
    before = org.refs("org/old")
    assert "would be lost" in org.run("org/old", "redirect", key="", keys='["a", "b"]', redirect_to="org/new").error
    assert org.refs("org/old") == before
    org.run("org/new", "set", key="b", value="2")
    assert org.run("org/old", "redirect", key="", keys='["a", "b"]', redirect_to="org/new").outputs["count"] == "2"


# --- maintenance ----------------------------------------------------------------------------------------------------


def test_maintenance_leaves_redirects_and_what_waits_beside_them(moved: Org) -> None:
    path = moved.root / "org/old.git"
    crumb, expiry = stored(path, NULL_COMMIT.data + b"+3\n", NULL_COMMIT.data + b'{"category":"expiry","id":60,"version":2}\n')
    waits = value_ref(KEY).replace("refs/heads", "refs/tags").replace("/val-", "/bc-") + "/20260101T000000000000Z-waiting1"
    run_git("update-ref", waits, crumb, directory=path)
    run_git("update-ref", expiry_ref(KEY), expiry, directory=path)
    before = moved.refs("org/old")
    ended = moved.run("org/old", "maintain", key="", grace_period="0s", retention="0s")
    assert ended.code == 0
    assert moved.refs("org/old") == before
    assert "redirected" in ended.outputs["report"]
    assert "1 ref had to be left alone" in ended.log
    checked = moved.run("org/old", "check", key="")
    assert checked.code == 0
    assert "counted nowhere" in checked.outputs["report"]
    assert moved.run("org/old", "get").outputs["value"] == VALUE


def test_check_finds_a_redirect_that_the_anchor_does_not_tell_of(org: Org) -> None:
    org.run("org/old", "init", key="")
    org.plant("org/old", Redirect("org/new", 2), anchored=False)
    checked = org.run("org/old", "check", key="")
    assert checked.code == 1
    assert "overwrite" in checked.outputs["report"]
    assert org.run("org/old", "redirect", redirect_to="org/new").outputs["applied"] == "true"
    assert org.run("org/old", "check", key="").code == 0


def test_init_leaves_the_anchor_of_redirects(moved: Org) -> None:
    assert moved.run("org/old", "init", key="").outputs["applied"] == "false"
    assert moved.refs("org/old")[ANCHOR] == REDIRECT_ANCHOR.oid


def test_a_redirect_is_followed_on_the_same_server_with_the_same_token(served: Served, tmp_path: Path) -> None:
    """By the same address but for its last two parts; a token that was given for one server goes to no other."""
    init_bare(tmp_path / "served" / "owner" / "new.git")
    there = f"{served.server.url}/owner/new.git"
    served.workflow.run("set", key=KEY, value=VALUE, repository=there)
    assert served.workflow.run("redirect", key=KEY, redirect_to="owner/new").outputs["applied"] == "true"
    begun = len(served.server.log)
    assert served.workflow.run("get", key=KEY).outputs["value"] == VALUE
    paths = {seen.path.partition(".git")[0] for seen in served.server.log[begun:]}
    assert paths == {"/owner/name", "/owner/new"}
    assert all(seen.authorization for seen in served.server.log[begun:])


def test_maps_arrays_and_locks_are_used_where_they_live(org: Org) -> None:
    org.run("org/new", "hset", values='{"a": 1}')
    org.run("org/new", "apush", key="list", value="x")
    for key in (KEY, "list", "lock"):
        assert org.run("org/old", "redirect", key=key, redirect_to="org/new").outputs["applied"] == "true"
    assert org.run("org/old", "hget", field="a").outputs["value"] == "1"
    assert org.run("org/old", "arange", key="list").outputs["json"] == '["x"]'
    writes: dict[str, dict[str, str]] = {
        "hset": {"field": "b", "value": "2", "type": "number"},
        "hdel": {"field": "a"},
        "apush": {"key": "list", "value": "y"},
        "lock": {"key": "lock", "ttl": "1h", "owner": "we"},
        "unlock": {"key": "lock", "owner": "we"},
    }
    for command, given in writes.items():
        before = org.refs("org/new")
        assert "org/new" in org.run("org/old", command, **given).error
        assert org.refs("org/new") == before
        assert org.run("org/old", command, **given, follow_writes="true").outputs["applied"] == "true"
        assert org.refs("org/new") != before
    assert org.run("org/new", "hgetall").outputs["json"] == '{"b":2}'
    assert org.run("org/old", "arange", key="list").outputs["json"] == '["x","y"]'
    assert [org.run(name, "check", key="").code for name in ("org/old", "org/new")] == [0, 0]
