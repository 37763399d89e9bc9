"""The golden vectors of objects, values, expiries and counters: what is written, and what must be refused."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from git_keyval.errors import MalformedRecordError
from git_keyval.format.anchors import Anchor, Mark, encode_anchor
from git_keyval.format.counters import (
    decode_counter,
    decode_delta,
    encode_counter,
    encode_delta,
)
from git_keyval.format.expiry import decode_expiry, encode_expiry, expiry_id, is_expired
from git_keyval.format.metadata import DUMMY_README, DUMMY_TREE, NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.objects import GitObject, Oid, blob, commit, from_content, read_commit, read_tree, tree
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.redirects import Redirect, decode_redirect, encode_redirect, redirect_of
from git_keyval.format.registry import ENTRY_FILE, decode_entry, encode_entry, read_entry
from git_keyval.format.times import Micros
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from tests.format.states import counter_of
from tests.vectors import HERE, load
from tests.vectors.generate import FILES, render

Case = Mapping[str, Any]

OBJECTS = load("objects")
DATA = load("data")
EXPIRY = load("expiry")
COUNTERS = load("counters")
REDIRECTS = load("redirects")


def label(case: object) -> str | None:
    """Name a test after its case."""
    if isinstance(case, Mapping):
        name = case.get("name", case.get("text", case.get("delta", case.get("moment", case.get("id")))))
        return ascii(name).strip("'")[:60]
    return None


def value_of(case: Case) -> Value:
    if "text" in case:
        return parse_value(case["type"], case["text"])
    content = base64.b64decode(case["base64"])
    return bytes_value(content) if case["type"] == "Uint8Array" else file_value(content, media_type=case["mime"])


def stored(objects: list[Case]) -> dict[Oid, GitObject]:
    made = [from_content(part["kind"], base64.b64decode(part["contentBase64"])) for part in objects]
    return {made_object.oid: made_object for made_object in made}


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_files_of_vectors_are_what_their_cases_say(name: str) -> None:
    """A vector is changed in its case, and the file is written by the script."""
    assert (HERE / f"{name}.json").read_text(encoding="ascii") == render(name)


@pytest.mark.parametrize("case", OBJECTS["blobs"], ids=label)
def test_a_blob_has_gits_oid(case: Case) -> None:
    """A blob's oid is the SHA-1 of git's header and the bytes."""
    assert blob(base64.b64decode(case["contentBase64"])).oid == case["oid"]


@pytest.mark.parametrize("case", OBJECTS["trees"], ids=label)
def test_a_tree_is_written_in_gits_order_whatever_order_it_is_given_in(case: Case) -> None:
    """The entries of a tree are plain files in the order of their names' bytes."""
    entries = list(case["entries"].items())
    for given in (entries, entries[::-1]):
        made = tree(given)
        assert made.data == base64.b64decode(case["contentBase64"])
        assert made.oid == case["oid"]
    assert read_tree(made) == case["entries"]


@pytest.mark.parametrize("case", OBJECTS["commits"], ids=label)
def test_a_commit_is_its_tree_its_message_and_nothing_else(case: Case) -> None:
    """Identity and time are fixed, there are no parents, and the message is kept byte for byte."""
    made = commit(Oid(case["tree"]), case["message"].encode())
    assert made.data == case["content"].encode()
    assert made.oid == case["oid"]
    assert read_commit(made) == (case["tree"], case["message"].encode())


@pytest.mark.parametrize("case", OBJECTS["foreignCommits"], ids=label)
def test_a_commit_that_the_format_does_not_write_is_refused(case: Case) -> None:
    """Other people's commits are never taken for records, whatever their messages say."""
    foreign = from_content("commit", case["content"].encode())
    assert foreign.oid == case["oid"]
    with pytest.raises(MalformedRecordError):
        read_commit(foreign)
    with pytest.raises(MalformedRecordError):
        decode_delta(foreign)


def test_the_dummy_tree_and_the_null_commit_are_the_formats() -> None:
    """Every message-only commit of every database shares one tree."""
    trees = {case["name"]: case for case in OBJECTS["trees"]}
    commits = {case["name"]: case for case in OBJECTS["commits"]}
    assert DUMMY_TREE.oid == trees["dummy tree"]["oid"]
    assert trees["dummy tree"]["entries"] == {"README.md": DUMMY_README.oid}
    assert NULL_COMMIT.oid == commits["null commit"]["oid"]
    assert REDIRECT_ANCHOR.oid == commits["redirect anchor"]["oid"]
    mark = Mark("2026", "0123456789abcdef")
    assert encode_anchor(Anchor(mark)).oid == commits["encryption anchor"]["oid"]
    assert encode_anchor(Anchor(mark, redirected=True)).oid == commits["encryption anchor of redirected keys"]["oid"]


@pytest.mark.parametrize("case", DATA["records"], ids=label)
def test_a_value_is_stored_as_the_vector_says(case: Case) -> None:
    """The same value gives the same bytes, metadata and oids in every client."""
    record = encode_data(value_of(case))
    by_kind = {made.kind: made for made in record.objects if made.kind != "blob"}
    data, metadata = (made for made in record.objects if made.kind == "blob")
    assert base64.b64encode(data.data).decode() == case["dataBase64"]
    assert metadata.data.decode() == case["metadata"]
    assert (data.oid, metadata.oid, by_kind["tree"].oid, record.commit.oid) == (
        case["blobOid"],
        case["metadataOid"],
        case["treeOid"],
        case["commitOid"],
    )


@pytest.mark.parametrize("case", DATA["records"], ids=label)
def test_a_stored_value_reads_back_with_its_type_and_media(case: Case) -> None:
    """What any client writes by the rules, every client reads."""
    views = ["bytes", "view.txt", "view.json", f"view.{case['extension']}"]
    content, metadata = blob(base64.b64decode(case["dataBase64"])), blob(case["metadata"].encode())
    files = tree([*dict.fromkeys(views, content.oid).items(), ("metadata.json", metadata.oid)])
    record = commit(files.oid, case["metadata"].encode() + b"\n")
    value = decode_data(record, {part.oid: part for part in (content, metadata, files)})
    assert value == Value(case["type"], content.data, case["mime"], case["extension"])


@pytest.mark.parametrize("case", DATA["refused"], ids=label)
def test_a_text_that_is_no_value_of_the_type_is_refused(case: Case) -> None:
    """Nothing is guessed, trimmed or rounded away."""
    with pytest.raises(ValueError, match=r"^is "):
        parse_value(case["type"], case["text"])


@pytest.mark.parametrize("media_type", DATA["refusedMediaTypes"], ids=ascii)
def test_a_malformed_media_type_is_refused(media_type: str) -> None:
    """A media type is a type and a subtype, without parameters."""
    with pytest.raises(ValueError, match="media type"):
        file_value(b"", media_type=media_type)


@pytest.mark.parametrize("case", DATA["malformed"], ids=label)
def test_a_malformed_data_commit_is_refused(case: Case) -> None:
    """A reader checks every part of a record, down to its tree."""
    objects = stored(case["objects"])
    with pytest.raises(MalformedRecordError):
        decode_data(objects[case["commitOid"]], objects)


@pytest.mark.parametrize("case", EXPIRY["rounding"], ids=label)
def test_an_expiry_id_is_rounded_up_to_the_granularity(case: Case) -> None:
    """No key lives shorter than asked for."""
    assert expiry_id(Micros(int(case["moment"])), case["granularity"]) == case["id"]


@pytest.mark.parametrize("case", EXPIRY["refusedMoments"], ids=label)
def test_a_moment_that_no_expiry_id_can_hold_is_refused(case: Case) -> None:
    """Expiry ids lie in the years 1970 to 9999."""
    with pytest.raises(ValueError, match=r"^-?\d+$"):
        expiry_id(Micros(int(case["moment"])), case["granularity"])


@pytest.mark.parametrize("case", EXPIRY["commits"], ids=label)
def test_an_expiry_commit_is_the_same_for_all_keys_of_that_second(case: Case) -> None:
    """The id alone decides the commit."""
    made = encode_expiry(case["id"])
    assert made == commit(DUMMY_TREE.oid, case["message"].encode())
    assert made.oid == case["oid"]
    assert decode_expiry(made) == case["id"]


@pytest.mark.parametrize("case", EXPIRY["expired"])
def test_a_key_is_expired_from_its_second_on(case: Case) -> None:
    """An expiry id is the first second at which the key is gone."""
    assert is_expired(case["id"], Micros(int(case["now"]))) is case["expired"]


@pytest.mark.parametrize("case", EXPIRY["registry"], ids=label)
def test_a_registry_publishes_an_id_under_the_oid_of_its_expiry_commit(case: Case) -> None:
    """As a Number, whose view.txt a CDN serves."""
    made = encode_entry(case["id"])
    assert (made.tag, made.record.commit.oid) == (case["tag"], case["commitOid"])
    objects = {obj.oid: obj for obj in made.record.objects}
    assert case["text"].encode() == objects[read_tree(made.record.objects[-2])[ENTRY_FILE]].data
    assert read_entry(case["expiryOid"], case["text"].encode()) == case["id"]
    assert decode_entry(case["expiryOid"], made.record.commit, objects) == case["id"]


@pytest.mark.parametrize("case", EXPIRY["refusedAnswers"], ids=lambda case: ascii(case["text"][:20]))
def test_an_answer_that_is_not_the_id_asked_for_is_refused(case: Case) -> None:
    """Nobody can make a key expire by what a registry, or the CDN before it, says."""
    assert read_entry(case["expiryOid"], case["text"].encode()) is None


@pytest.mark.parametrize(
    "value",
    [
        parse_value("Number", "1795478400"),
        parse_value("String", "1795392000"),
        parse_value("JSON", "1795392000"),
        bytes_value(b"x"),
    ],
    ids=["another id", "a String", "JSON", "bytes"],
)
def test_a_tag_that_points_at_anything_else_is_malformed(value: Value) -> None:
    """Also where the digits are right: there is one record of an id."""
    record = encode_data(value)
    with pytest.raises(MalformedRecordError, match="not the id"):
        decode_entry(EXPIRY["registry"][1]["expiryOid"], record.commit, {obj.oid: obj for obj in record.objects})


@pytest.mark.parametrize("case", EXPIRY["malformed"], ids=label)
def test_a_malformed_expiry_commit_is_refused(case: Case) -> None:
    """An expiry that cannot be read is unknown, never past."""
    record = commit(Oid(case["tree"]), case["message"].encode())
    assert record.oid == case["oid"]
    with pytest.raises(MalformedRecordError):
        decode_expiry(record)


@pytest.mark.parametrize("case", COUNTERS["counters"], ids=label)
def test_a_counter_commit_holds_the_whole_state(case: Case) -> None:
    """The state of a counter is the message of its commit, both ways."""
    counter = counter_of(case["counter"])
    made = encode_counter(counter)
    assert made == commit(DUMMY_TREE.oid, case["message"].encode())
    assert made.oid == case["oid"]
    assert decode_counter(made) == counter


@pytest.mark.parametrize("case", COUNTERS["malformedCounters"], ids=label)
def test_a_malformed_counter_is_refused(case: Case) -> None:
    """A counter that breaks one rule is never counted on."""
    record = commit(Oid(case["tree"]), case["message"].encode())
    assert record.oid == case["oid"]
    with pytest.raises(MalformedRecordError):
        decode_counter(record)


@pytest.mark.parametrize("case", COUNTERS["breadcrumbs"], ids=label)
def test_a_breadcrumb_commit_is_the_increment(case: Case) -> None:
    """The message of a breadcrumb's commit is the signed increment."""
    made = encode_delta(int(case["delta"]))
    assert made == commit(DUMMY_TREE.oid, case["message"].encode())
    assert made.oid == case["oid"]
    assert decode_delta(made) == int(case["delta"])


def test_the_null_commit_is_the_null_breadcrumb() -> None:
    """A breadcrumb on the null commit holds no increment."""
    null = COUNTERS["nullBreadcrumb"]
    made = commit(Oid(null["tree"]), null["message"].encode())
    assert made.oid == null["oid"]
    assert decode_delta(made) is None


@pytest.mark.parametrize("case", COUNTERS["malformedBreadcrumbs"], ids=label)
def test_a_malformed_breadcrumb_is_refused(case: Case) -> None:
    """An increment has one spelling, and zero is none."""
    record = commit(Oid(case["tree"]), case["message"].encode())
    assert record.oid == case["oid"]
    with pytest.raises(MalformedRecordError):
        decode_delta(record)


@pytest.mark.parametrize("case", REDIRECTS["redirects"], ids=label)
def test_a_redirect_is_its_target_and_nothing_of_the_key(case: Case) -> None:
    """All keys that go to one repository share one commit, which names no key."""
    redirect = Redirect(case["repository"], case["shardLength"])
    made = encode_redirect(redirect)
    assert made == commit(DUMMY_TREE.oid, case["message"].encode())
    assert made.oid == case["oid"]
    assert decode_redirect(made) == redirect_of(made) == redirect


@pytest.mark.parametrize("case", REDIRECTS["malformed"], ids=label)
def test_a_malformed_redirect_is_refused_and_followed_nowhere(case: Case) -> None:
    """A record that anybody with a push may write leads to no other host, folder or kind of address."""
    record = commit(Oid(case["tree"]), case["message"].encode())
    assert record.oid == case["oid"]
    with pytest.raises(MalformedRecordError):
        decode_redirect(record)
    assert redirect_of(record) is None


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_an_object_that_is_no_commit_is_no_record(kind: str) -> None:
    """A ref may point at any kind of object; only commits are records."""
    content = {"blob": b"+1\n", "tree": b"", "tag": b"object %s\ntype commit\ntag x\n\n+1\n" % (b"1" * 40)}[kind]
    record = from_content(kind, content)  # type: ignore[arg-type]  # parametrize knows plain strings only
    for decode in (decode_delta, decode_counter, decode_expiry, decode_redirect, lambda made: decode_data(made, {})):
        with pytest.raises(MalformedRecordError):
            decode(record)
