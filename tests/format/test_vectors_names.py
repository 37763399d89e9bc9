"""The golden vectors of refnames, operation ids, times and durations (tests/vectors)."""

from collections.abc import Mapping
from typing import Any

import pytest

from git_keyval.format.names import BreadcrumbRef, GcRef, KeyId, Naming, PublishedRef, RecordRef, RefName, is_op, naming_of, parse
from git_keyval.format.objects import Oid
from git_keyval.format.records import encode_data
from git_keyval.format.times import Micros, Timestamp, iso_utc, moment_of, parse_duration, timestamp
from git_keyval.format.values import parse_value
from tests.vectors import load

Case = Mapping[str, Any]

NAMES = load("names")
TIMES = load("times")


def spelling(case: object) -> str | None:
    """Name a test after its shard length, its reason or its text."""
    if isinstance(case, Mapping):
        return ascii(case.get("why", case.get("shardLength", case.get("text", case.get("name"))))).strip("'")
    return None


@pytest.mark.parametrize("case", NAMES["keyIds"], ids=spelling)
def test_a_key_id_is_the_oid_of_the_keys_data_commit(case: Case) -> None:
    """A key is a value like any other; its id is where that value would be stored."""
    assert encode_data(parse_value(case["type"], case["key"])).key_id == case["keyId"]


@pytest.mark.parametrize("case", NAMES["names"], ids=spelling)
def test_the_refs_of_a_key_are_named_as_the_vector_says(case: Case) -> None:
    """The shard is the first digits of the key id, the rest follows the kind of ref."""
    naming, key_id = Naming(case["shardLength"]), KeyId(case["keyId"])
    crumb, parked = case["breadcrumb"], case["parked"]
    assert naming.value(key_id) == case["value"]
    assert naming.expiry(key_id) == case["expiry"]
    assert naming.key(key_id) == case["key"]
    assert naming.element_expiries(key_id) == case["elementExpiries"]
    assert naming.element_expiry(key_id, Oid(case["elementExpiry"]["element"])) == case["elementExpiry"]["name"]
    assert naming.breadcrumbs(key_id) == case["breadcrumbs"]
    assert naming.breadcrumb(key_id, Timestamp(crumb["time"]), crumb["op"]) == crumb["name"]
    assert naming.parked(key_id, Timestamp(parked["time"])) == parked["name"]


@pytest.mark.parametrize("case", NAMES["names"], ids=spelling)
def test_a_refname_tells_key_kind_and_shard_length(case: Case) -> None:
    """A listing describes itself: nobody has to be told the shard length."""
    key_id = KeyId(case["keyId"])
    element, crumb, parked = case["elementExpiry"], case["breadcrumb"], case["parked"]
    assert parse(case["value"]) == RecordRef("val", key_id)
    assert parse(case["expiry"]) == RecordRef("exp", key_id)
    assert parse(case["key"]) == RecordRef("key", key_id)
    assert parse(element["name"]) == RecordRef("exp", key_id, Oid(element["element"]))
    assert parse(crumb["name"]) == BreadcrumbRef(key_id, Timestamp(crumb["time"]), crumb["op"])
    assert parse(parked["name"]) == GcRef(key_id, Timestamp(parked["time"]))
    for name in (case["value"], case["expiry"], case["key"], element["name"], crumb["name"]):
        assert naming_of(RefName(name)) == Naming(case["shardLength"])


@pytest.mark.parametrize("case", NAMES["parsed"])
def test_a_refname_at_the_edge_of_the_pattern_is_read(case: Case) -> None:
    """Operation ids of 8 to 40 characters, and the older namespace of parked values."""
    time = Timestamp(case["time"])
    if case["kind"] == "gc":
        assert parse(case["name"]) == GcRef(case["keyId"], time)
    else:
        assert parse(case["name"]) == BreadcrumbRef(case["keyId"], time, case["op"])


@pytest.mark.parametrize("case", NAMES["published"])
def test_a_registrys_tag_names_an_expiry_commit(case: Case) -> None:
    """Without a slash after refs/tags/, which CDNs do not take, and with more than the oid, which GitHub does not take."""
    assert Naming.published(case["expiryOid"]) == case["name"]
    assert parse(case["name"]) == PublishedRef(case["expiryOid"])


@pytest.mark.parametrize("case", NAMES["foreign"], ids=spelling)
def test_a_foreign_refname_is_not_read(case: Case) -> None:
    """What is not of the pattern to the last character belongs to somebody else."""
    assert parse(case["name"]) is None


@pytest.mark.parametrize("op", NAMES["ops"]["accepted"])
def test_an_operation_id_that_fits_a_refname_is_accepted(op: str) -> None:
    """8 to 40 lower-case letters and digits."""
    assert is_op(op)


@pytest.mark.parametrize("op", NAMES["ops"]["refused"], ids=ascii)
def test_any_other_operation_id_is_refused(op: str) -> None:
    """What does not fit is hashed by the writer, never stored."""
    assert not is_op(op)


@pytest.mark.parametrize("case", NAMES["derivedOps"])
def test_a_derived_operation_id_fits(case: Case) -> None:
    """A user's id stands as it is if it fits, and only then."""
    assert is_op(case["op"])
    assert is_op(case["opId"]) is (case["op"] == case["opId"])


@pytest.mark.parametrize("case", TIMES["timestamps"], ids=spelling)
def test_a_timestamp_is_a_moment_to_the_microsecond(case: Case) -> None:
    """Timestamps and moments are two spellings of one thing."""
    moment = Micros(int(case["moment"]))
    assert timestamp(moment) == case["text"]
    assert moment_of(case["text"]) == moment


@pytest.mark.parametrize("text", TIMES["refusedTimestamps"], ids=ascii)
def test_a_text_that_is_no_timestamp_is_refused(text: str) -> None:
    """One form, ASCII digits, dates that exist."""
    assert moment_of(text) is None


@pytest.mark.parametrize("case", TIMES["durations"], ids=spelling)
def test_a_duration_is_whole_seconds(case: Case) -> None:
    """A number with a unit, or ISO 8601 without years and months."""
    assert parse_duration(case["text"]) == case["seconds"]


@pytest.mark.parametrize("text", TIMES["refusedDurations"], ids=ascii)
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    """A duration is never guessed."""
    with pytest.raises(ValueError):  # noqa: PT011  # the message is the text itself
        parse_duration(text)


@pytest.mark.parametrize("case", TIMES["dates"], ids=spelling)
def test_seconds_are_shown_as_a_utc_date(case: Case) -> None:
    """ISO 8601 in UTC, to the second."""
    assert iso_utc(case["seconds"]) == case["text"]
