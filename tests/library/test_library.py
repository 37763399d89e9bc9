"""The library: every command as a method, with Python's types, over the same calls as a step."""

import subprocess
import sys
import threading
import typing
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import git_keyval
from git_keyval import Ref
from git_keyval.errors import (
    ConditionNotMetError,
    InputError,
    ItemFailedError,
    KeysExistError,
    LockHeldError,
    LockLostError,
    MissingEncryptionKeyError,
    NotARepositoryError,
    WrongTypeError,
)
from git_keyval.format.names import DEFAULT_NAMING, Naming
from git_keyval.format.records import encode_data
from git_keyval.format.values import parse_value
from git_keyval.interface.commands import COMMANDS, OF_DATABASE
from git_keyval.interface.inputs import INPUTS, KEY_TYPES
from git_keyval.library.arguments import KeyType
from git_keyval.library.results import PendingError
from tests.servers.binary import init_bare
from tools.library_methods import library_methods

ROOT = Path(__file__).parents[2]
NAMES = {"del": "delete", "assert": "require", "batch": "transaction", "import": "import_"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    repository = tmp_path / "db.git"
    subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)
    return repository


@pytest.fixture
def db(path: Path) -> git_keyval.Database:
    database = git_keyval.open(path)
    database.init()
    return database


def test_every_command_is_a_method() -> None:
    methods = {name for name in dir(git_keyval.Database) if not name.startswith("_")}
    assert {NAMES.get(name, name.replace("-", "_")) for name in COMMANDS} <= methods
    in_transactions = {name for name in dir(git_keyval.Transaction) if not name.startswith("_")}
    items = {NAMES.get(name, name) for name, command in COMMANDS.items() if not (command.maintains or command.kind.stands_alone)}
    assert items - {"lock"} <= in_transactions


def test_the_methods_are_those_of_the_commands() -> None:
    assert (ROOT / "git_keyval" / "library" / "methods.py").read_text(encoding="utf-8") == library_methods()


def test_every_input_is_an_argument_or_an_option() -> None:
    text = library_methods()
    elsewhere = {*OF_DATABASE, "repository", "command", "commands", "atomic", "key-type", "on-missing", "on-failed", "output-file"}
    elsewhere |= {"ref", "mask", "config", "value-file", "owner", "wait", *(name for name in INPUTS if name.endswith("-env"))}
    elsewhere |= {"with-types", "input-file", "if-exists", "long", "names-from", "expires-within", "expired", "previous-report"}
    for name in INPUTS.keys() - elsewhere:
        plain = f"{name}_" if name in {"if", "from"} else name.replace("-", "_")
        assert f"        {plain}: " in text or f"        *{plain}: " in text, name


VALUES = ["", "é\n", 0, -7, 1.5, True, False, None, b"", b"\x00\xff", [], [1, "a", None], {}, {"a": {"b": [True]}}, "x" * 200_000]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_comes_back_as_it_was(db: git_keyval.Database, value: Any) -> None:  # noqa: ANN401
    assert db.set("key", value).applied
    got = db.get("key")
    assert (got.value, type(got.value), got.found) == (value, type(value), True)
    assert db.getdel("key").value == value
    assert db.get("key").found is False


@pytest.mark.parametrize("key", ["k", 1, 1.5, True, b"\x00", ["a"], {"a": 1}], ids=repr)
def test_a_key_has_a_type(db: git_keyval.Database, key: Any) -> None:  # noqa: ANN401
    db.set(key, "value")
    assert db.get(key).value == "value"
    assert db.get("1").found is False
    assert db.exists(key).found
    assert db.delete(key).count == 1


def test_a_ref_stands_for_a_key(db: git_keyval.Database) -> None:
    """Wherever a method takes a key that it does not have to name."""
    record = encode_data(parse_value("Number", "7"))
    name, key_id = DEFAULT_NAMING.value(record.key_id), record.key_id
    db.hset(Ref(name), "field", "value")
    assert db.hget(7, "field").value == db.hget(Ref(key_id), "field").value == "value"
    assert db.hdel(Ref(name), "field", "nothing").count == 1
    assert db.copy(Ref(name), 8).applied
    assert db.exists(Ref(name)).found
    with db.transaction() as transaction:
        transaction.delete(Ref(name))
    assert not db.exists(7).found
    with db.lock(Ref(name), ttl="1m"):
        pass
    for refused in (
        lambda: db.set(Ref(name), "x", store_key=True),
        lambda: db.set(Ref("refs/heads/main"), "x"),
        lambda: db.set(Ref(Naming(3).value(record.key_id)), "x"),
        lambda: db.mget(Ref(name)),
        lambda: db.delete(Ref(name), 7),
        lambda: db.delete(Ref(name), Ref(name)),
        lambda: db.copy(7, Ref(name)),
    ):
        with pytest.raises(InputError):
            refused()


def test_lifetimes(db: git_keyval.Database) -> None:
    for ttl in (900, "15m", timedelta(minutes=15)):
        assert 890 <= (db.set("key", "value", ttl=ttl).ttl or 0) <= 960
    moment = datetime(2099, 1, 31, 12, tzinfo=UTC)
    assert db.expire("key", expires_at=moment).expires_at == moment
    assert db.persist("key").applied
    assert (db.get("key").expires_at, db.ttl("key").ttl) == (None, -1)
    with pytest.raises(InputError):
        db.expire("key", expires_at=datetime(2099, 1, 31))  # noqa: DTZ001  # a time without a zone is none


def test_copies(db: git_keyval.Database) -> None:
    db.set(1, "value", ttl="1h")
    assert db.copy(1, 2).applied
    assert not db.rename(1, 2, if_="absent").applied
    with db.transaction() as transaction:
        transaction.rename(2, 3)
    assert (db.get(3).value, db.get(2).found, db.get("3").found) == ("value", False, False)
    with pytest.raises(InputError, match="'to' is of another type"):
        db.copy(1, "2")


def test_counters(db: git_keyval.Database) -> None:
    assert [db.incr("n").value, db.incr("n", by=5).value, db.decr("n").value] == [1, 6, 5]
    assert [db.incr("n", op_id="once").value, db.incr("n", op_id="once").value] == [6, 6]
    begun = db.incr("begun", start=42, pad=5, ttl="1h", store_key=True)
    assert (begun.value, begun.padded, begun.expires_at) == (42, "00042", db.incr("begun", ttl="2h").expires_at)
    assert (db.incr("n").padded, list(db.keys())) == (None, ["begun"])
    db.set("n", 40, type="counter")
    assert (db.get("n").value, db.get("n").type) == (40, "counter")
    assert db.require("n", at_least=40, less_than=Decimal("40.5")).applied


def test_maps_and_arrays(db: git_keyval.Database) -> None:
    db.hset("m", "a", 1)
    db.hset("m", values={"b": 2, "c": 3})
    assert (db.hget("m", "a").value, db.hgetall("m").value, db.hkeys("m").value) == (1, {"a": 1, "b": 2, "c": 3}, ["a", "b", "c"])
    assert (db.hdel("m", "a", "b", "x").count, db.hlen("m").count, db.hget("m", "a").found) == (2, 1, False)
    for value in ("x", "y"):
        db.apush("q", value)
    assert (db.aget("q", -1).value, db.arange("q").value, db.apop("q").value, db.alen("q").count) == ("y", ["x", "y"], "y", 1)


def test_keys_are_iterated(db: git_keyval.Database) -> None:
    db.mset({"b": 1, "a": "x", "c": [1]}, store_key=True)
    assert list(db.keys()) == ["a", "b", "c"]
    assert list(db.keys("[ab]")) == ["a", "b"]
    assert db.mget("a", "b", "x").value == {"a": "x", "b": 1}


def test_keys_have_types(db: git_keyval.Database) -> None:
    db.mset({"b": 1, "a": "x"}, store_key=True)
    db.incr("n", store_key=True)
    with db.lock("l", ttl="1h", store_key=True):
        assert dict(db.keys(with_types=True)) == {"a": "string", "b": "number", "l": "lock", "n": "counter"}
    assert list(db.keys(type="counter")) == ["n"]
    assert list(db.keys("[a-m]", type=["map", "string"])) == ["a", "l"]
    assert list(db.keys("[a-m]", type=("map", "string"), with_types=True)) == [("a", "string"), ("l", "lock")]
    with pytest.raises(InputError, match="map, array, lock"):
        db.keys(type="text")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        db.keys(type=[])
    assert typing.get_args(KeyType) == KEY_TYPES


def test_conditions_and_defaults(db: git_keyval.Database) -> None:
    assert not db.set("key", "value", if_="present").applied
    version = db.set("key", "value", if_="absent").version
    assert not db.set("key", "other", if_version="0" * 40).applied
    assert db.set("key", "other", if_version=version).old_value == "value"
    assert (db.get("missing").value, db.get("missing", default={"a": 1}).value) == (None, {"a": 1})


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda db: db.incr("text"), WrongTypeError),
        (lambda db: db.set("key", "v", ttl="soon"), InputError),
        (lambda db: db.set("key", "v", ttl=1, expires_at="2099-01-31T12:00:00Z"), InputError),
        (lambda db: db.set("key", object()), InputError),
        (lambda db: db.set("key", "\ud800"), InputError),
        (lambda db: db.delete("a", 1), InputError),
        (lambda db: db.expire("key"), InputError),
        (lambda db: db.set("key", "v", nonsense=1), TypeError),
    ],
)
def test_mistakes_are_errors_before_anything_is_written(
    db: git_keyval.Database, act: Callable[[Any], object], error: type[Exception]
) -> None:
    db.set("text", "a text")
    with pytest.raises(error):
        act(db)
    assert not db.exists("key").found


def test_a_repository_that_is_none(tmp_path: Path) -> None:
    database = git_keyval.open(tmp_path / "no such")  # nothing is read yet
    with pytest.raises(NotARepositoryError):
        database.get("key")
    with pytest.raises(TypeError):
        git_keyval.open(tmp_path, nonsense=1)
    with pytest.raises(InputError):
        git_keyval.open(tmp_path, shard_length=0)


def test_encryption(path: Path) -> None:
    secret = "A" * 43 + "="
    database = git_keyval.open(path, encryption_key=secret, encryption_kid="first", encryption="required")
    database.init()
    database.set("key", "value")
    assert database.get("key").value == "value"
    with pytest.raises(InputError):
        database.incr("n")
    with pytest.raises(MissingEncryptionKeyError):
        git_keyval.open(path).get("key")
    assert secret not in repr(vars(database))


# --- transactions ---------------------------------------------------------------------------------------------------


def test_a_transaction(db: git_keyval.Database) -> None:
    db.set("deploy", "old")
    with db.transaction() as t:
        t.require("deploy", equals="old")
        build = t.incr("builds")
        t.set("deploy", "new")
        before = t.get("deploy")
        t.hset("m", "f", b"\x00")
        with pytest.raises(PendingError):
            build.value  # noqa: B018
    assert (build.value, before.value, t.applied) == (1, "old", True)
    assert (db.get("deploy").value, db.hget("m", "f").value) == ("new", b"\x00")


def test_an_exception_in_the_block_writes_nothing(db: git_keyval.Database) -> None:
    with pytest.raises(KeyError), db.transaction() as t:  # noqa: PT012
        t.set("key", "value")
        raise KeyError
    assert not db.get("key").found


def test_a_condition_that_is_not_met(db: git_keyval.Database) -> None:
    with pytest.raises(ConditionNotMetError), db.transaction() as t:  # noqa: PT012
        t.set("key", "value")
        t.set("other", "value", if_="present")
    with db.transaction(required=False) as t:
        t.set("key", "value")
        t.require("other", if_="present")
    assert (t.applied, t.failed) == (False, "2")
    assert not db.exists("key").found


def test_a_transaction_is_done_once(db: git_keyval.Database) -> None:
    numbers = []
    for _ in range(3):
        with db.transaction(op_id="run 1") as t:
            number = t.incr("n")
            t.apush("q", "x")
        numbers.append(number.value)
    assert (numbers, db.alen("q").count) == ([1, 1, 1], 1)


def test_what_cannot_be_a_transaction(db: git_keyval.Database) -> None:
    db.set("text", "a text")
    with pytest.raises(InputError), db.transaction() as t:  # noqa: PT012
        t.set("key", 1)
        t.delete("key")
    with pytest.raises(ItemFailedError), db.transaction() as t:  # noqa: PT012
        t.set("key", 1)
        t.incr("text")
    with db.transaction() as t:
        pass
    assert t.applied
    assert not db.exists("key").found


# --- locks ----------------------------------------------------------------------------------------------------------


def test_a_lock_is_held_within_the_block(db: git_keyval.Database) -> None:
    with db.lock("l", ttl="30m") as held:
        assert held.fence == 1
        with pytest.raises(LockHeldError), db.lock("l", ttl="30m"):
            pass
    with pytest.raises(KeyError), db.lock("l", ttl="30m") as held:
        raise KeyError
    with db.lock("l", ttl="30m", owner="me") as held:
        assert (held.fence, held.owner) == (3, "me")


def test_a_queue(db: git_keyval.Database) -> None:
    assert db.apush("queue", values=["a", "b"], op_id="a run").count == 2
    assert db.apush("queue", values=["a", "b"], op_id="a run").count == 2
    assert [db.apop("queue", from_="first").value, db.arange("queue").value] == ["a", [None, "b"]]


def test_waiting(db: git_keyval.Database) -> None:
    assert db.wait("ready", "present").met is False
    db.incr("ready", by=3)
    answer = db.wait("ready", "at-least", at_least=3, wait="1m")
    assert (answer.met, answer.value) == (True, 3)
    db.hset("map", "a", "1")
    assert db.wait("map", "equals", "a", equals="1").met is True


def test_changes_are_watched(db: git_keyval.Database) -> None:
    db.set("k", 1)
    threading.Timer(0.1, lambda: db.set("k", 2)).start()
    change = next(db.watch("k", interval=1))
    assert (change.found, change.value) == (True, 2)
    assert list(db.watch("k", timeout=0)) == []
    with pytest.raises(git_keyval.errors.WrongTypeError):
        next(db.watch("k", field="f"))


def test_a_lock_with_slots(db: git_keyval.Database) -> None:
    with db.lock("testbeds", ttl="15m", slots=2) as first, db.lock("testbeds", ttl="15m", slots=2) as second:
        assert (first.slot, second.slot) == (1, 2)
        with pytest.raises(LockHeldError), db.lock("testbeds", ttl="15m", slots=2):
            pass
    assert db.hgetall("testbeds").value == {"fence": "1", "fence-2": "1"}


def test_a_lock_that_was_lost(db: git_keyval.Database, path: Path) -> None:
    with ExitStack() as stack, pytest.raises(LockLostError), db.lock("l", ttl="30m"):  # noqa: PT012
        db.delete("l")
        stack.enter_context(git_keyval.open(path).lock("l", ttl="30m", owner="rival"))


# --- the rest -------------------------------------------------------------------------------------------------------


def test_jobs_return_their_reports(db: git_keyval.Database) -> None:
    db.set("key", "value")
    assert db.check().value["problems"] == []
    assert [job["job"] for job in db.maintain(dry_run=True).value["jobs"]] == ["gather", "sweep", "purge"]
    assert db.sweep(max_writes=5).count == 0


def test_threads_share_a_database(db: git_keyval.Database) -> None:
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(db.incr("n").value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))


def test_the_example_script_records_deployments(path: Path) -> None:
    git_keyval.open(path).init()

    def deploy(environment: str, version: str) -> str:
        script = ROOT / "examples" / "deployments.py"
        done = subprocess.run([sys.executable, script, path, environment, version], capture_output=True, check=True, text=True)
        return done.stdout

    assert deploy("staging", "1.4.2").splitlines()[1] == "Deployment 1: 1.4.2 instead of nothing."
    assert deploy("staging", "1.4.3").splitlines()[1:] == ["Deployment 2: 1.4.3 instead of 1.4.2.", "staging has 1.4.3"]
    assert deploy("production", "1.4.2").splitlines()[2:] == ["production has 1.4.2", "staging has 1.4.3"]


def test_importing_it_costs_nothing() -> None:
    loaded = "import sys, git_keyval; print([name for name in sys.modules if name.startswith('git_keyval.')])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError):
        git_keyval.nonsense  # noqa: B018


def test_a_result_shows_no_value(db: git_keyval.Database) -> None:
    db.set("key", "a secret")
    assert "secret" not in repr(db.get("key"))


def test_a_database_is_exported_and_imported_as_lines(db: git_keyval.Database, tmp_path: Path) -> None:
    db.set("a", {"x": [1]}, store_key=True)
    db.incr("builds")
    lines = list(db.export())
    assert all(line.endswith(b"\n") for line in lines)
    assert b"".join(lines).count(b'"key":') == 1
    assert b"".join(db.export(names=["a", "builds", "nothing"])).count(b'"key":') == 2
    other = git_keyval.open(init_bare(tmp_path / "other.git"), shard_length=4)
    assert other.import_(lines, dry_run=True).value["written"] == 2
    assert list(other.export()) == lines[:1] + lines[-1:]
    imported = other.import_(iter(lines))
    assert (imported.applied, imported.count, imported.value["written"]) == (True, 2, 2)
    assert other.get("a").value == {"x": [1]}
    assert list(other.export()) == lines
    other.set("a", "theirs")
    with pytest.raises(KeysExistError, match="if_exists='skip'"):
        other.import_(lines)
    assert other.import_(lines, if_exists="skip").value["skipped"] == 1
    assert other.import_(lines, if_exists="overwrite").value["overwritten"] == 1
    with pytest.raises(InputError, match="line 2"):
        other.import_([lines[0], b"x\n"])
