"""docs/format.md against the code: its oids are real and its commands do what they say."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.format.anchors import Anchor, Mark, encode_anchor
from git_keyval.format.counters import Counter, encode_counter, encode_delta
from git_keyval.format.elements import Collection, element_id, encode_collection, encode_element_key
from git_keyval.format.encryption import Slot, derive_key, seal_key, seal_name, seal_op, seal_value
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.names import Naming, parse
from git_keyval.format.objects import GitObject, Oid, blob, commit, tree
from git_keyval.format.records import encode_data
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.registry import encode_entry
from git_keyval.format.times import Timestamp
from git_keyval.format.values import parse_value
from tests.servers.binary import git_output, isolated_environ

TEXT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
BLOCKS = [(kind, body) for kind, body in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)]

KEY = encode_data(parse_value("String", "build-number"))
VALUE = encode_data(parse_value("Number", "42"))
OP = "q7w8e9r0t1y2"
TIME = Timestamp("20261122T140355123456Z")
COUNTER = Counter(
    42,
    OP,
    17,
    (("0123456789abcdef0123", 41, Timestamp("20261122T140102000000Z")), (OP, 42)),
    Timestamp("20261122T140000000000Z"),
)
ELEMENTS = {
    "map": {"colour": blob(b"red"), "a/b": blob(b"x")},
    "array": {"0": blob(b"1"), "2": blob(b"3")},
}
MAP = encode_collection(Collection("map", "String", "text/plain", "txt", {key: made.oid for key, made in ELEMENTS["map"].items()}))
ARRAY = encode_collection(
    Collection("array", "Number", "text/plain", "txt", {key: made.oid for key, made in ELEMENTS["array"].items()}, 4)
)
SECRET = derive_key("first", bytes(range(32)))
SEALED_KEY = encode_data(seal_key(SECRET, parse_value("String", "build-number")))
SEALED_VALUE = encode_data(
    seal_value(SECRET, bytes.fromhex("6465666768696a6b6c6d6e6f"), parse_value("Number", "42"), Slot(SEALED_KEY.key_id))
)
SEALED_NAME = seal_name(SECRET, SEALED_KEY.key_id, "colour")
SEALED = [SEALED_KEY.commit, SEALED_VALUE.commit]
MESSAGES = [encode_expiry(1795392000), encode_counter(COUNTER), encode_delta(1), encode_redirect(Redirect("owner/name", 2))]
MARKED = encode_anchor(Anchor(Mark("2026", "0123456789abcdef")))
COMMITS = [*SEALED, MAP.commit, ARRAY.commit, KEY.commit, *MESSAGES]
OBJECTS: list[GitObject] = [*KEY.objects, *VALUE.objects, *COMMITS, *DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR, MARKED]
ENTRY = encode_entry(1795392000)
FIRST_GENERATION = [
    commit(Oid("ad8d7454878fbe21508d947c222055286103e142"), b""),
    commit(Oid("18c3e088d58cb90325f1a89a8f0f284c78acb330"), b"custom/mime\n"),
]


def test_every_oid_of_the_text_is_real() -> None:
    """An example that is wrong is worse than none."""
    known: set[str] = {made.oid for made in [*OBJECTS, *FIRST_GENERATION, blob(b"Boolean")]}
    shown = [*MAP.objects, *ARRAY.objects, *ELEMENTS["map"].values(), *ELEMENTS["array"].values()]
    # The metadata blob of the array alone is not named: its line is the message that is shown.
    known |= {made.oid for made in shown if made != ARRAY.objects[1]}
    known.add(seal_op(SECRET, SEALED_KEY.key_id, "deploy42"))
    known |= {tree([]).oid, element_id("colour"), element_id(SEALED_NAME), ENTRY.record.commit.oid}
    # Of the encrypted records, their blobs and trees.
    known |= {made.oid for record in (SEALED_KEY, SEALED_VALUE) for made in (record.objects[0], record.objects[2])}
    known |= {"ad8d7454878fbe21508d947c222055286103e142", "18c3e088d58cb90325f1a89a8f0f284c78acb330", "0" * 40}
    assert set(re.findall(r"(?<![0-9a-z-])[0-9a-f]{40}(?![0-9a-z])", TEXT)) == known


@pytest.mark.parametrize("record", COMMITS, ids=lambda record: record.oid[:7])
def test_every_commit_of_the_text_is_shown_byte_for_byte(record: GitObject) -> None:
    """Who hashes what the text shows gets the oid that the text gives."""
    assert ("", record.data.decode()) in BLOCKS


def test_everything_encrypted_in_the_text_is_what_the_keys_make_of_it() -> None:
    """In the text as hexadecimal, so that a client in any language can be compared with it."""
    assert f"`{SEALED_KEY.objects[0].data.hex()}`" in TEXT
    assert f"`{SEALED_VALUE.objects[0].data.hex()}`" in TEXT
    assert f"`{SEALED_NAME}`" in TEXT


def test_the_refnames_of_the_text_are_those_of_its_key() -> None:
    """The text names the refs of the key as the code does."""
    naming = Naming()
    names = [
        naming.value(KEY.key_id),
        naming.expiry(KEY.key_id),
        naming.element_expiry(KEY.key_id, element_id("colour")),
        naming.key(KEY.key_id),
        naming.breadcrumb(KEY.key_id, TIME, OP),
        naming.parked(KEY.key_id, TIME),
    ]
    assert ("", "".join(f"{name}\n" for name in names)) in BLOCKS
    assert all(parse(name) for name in names)


def test_the_entry_of_a_registry_is_the_one_of_the_text() -> None:
    assert f"`{ENTRY.tag}`; it points at\n`{ENTRY.record.commit.oid}`, whose `view.txt` is `1795392000`" in TEXT
    assert parse(ENTRY.tag)


def test_the_commands_of_the_text_make_the_value_and_its_ref(bare_repository: Callable[[str], Path]) -> None:
    """The format needs no software of ours."""
    repository = bare_repository("database.git")
    script = "set -e\n" + "".join(body for kind, body in BLOCKS if kind == "sh")
    done = subprocess.run(["sh", "-c", script], cwd=repository, env=isolated_environ(), capture_output=True, check=True, timeout=60)
    assert ("text", done.stdout.decode()) in BLOCKS
    assert done.stdout.decode().split() == [made.oid for made in VALUE.objects]
    name = Naming().value(KEY.key_id)
    assert git_output("rev-parse", name, directory=repository) == VALUE.commit.oid


def test_every_element_key_of_the_text_is_encoded_as_it_shows() -> None:
    """A client in another language may be written after this table."""
    table = TEXT.partition("| element key | name |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [tuple(cell.strip("` ") for cell in row.strip("|").split("|")) for row in table.splitlines()]
    assert len(rows) > 1
    assert [encode_element_key(key) for key, _ in rows] == [name for _, name in rows]
