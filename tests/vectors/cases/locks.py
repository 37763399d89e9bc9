"""locks.json: what taking and releasing a slot makes of a lock. The expected results are written out by hand."""

from collections.abc import Iterator, Mapping

from tests.vectors.cases.raw import Json

Fields = Mapping[str, str]

FREE: Fields = {"fence": "7"}
HELD: Fields = {"fence": "7", "owner": "a"}
TWO: Fields = {"fence": "7", "owner": "a", "fence-2": "3", "owner-2": "b"}
THREE: Fields = {**TWO, "fence-3": "1", "owner-3": "c"}
LARGEST = "9999999999999999999"


def locks() -> Json:
    return {
        "takes": [
            {"name": name, "elements": elements, "expired": expired, "slots": slots, "owner": owner, "slot": slot, "result": result}
            for name, elements, expired, slots, owner, slot, result in takes()
        ],
        "releases": [
            {"name": name, "elements": elements, "expired": expired, "owner": owner, "slot": slot, "result": result}
            for name, elements, expired, owner, slot, result in releases()
        ],
        "noLocks": [{"name": name, "elements": elements, "slots": slots} for name, elements, slots in no_locks()],
    }


def takes() -> Iterator[tuple[str, Fields, list[str], int, str, int | None, Fields | None]]:
    """Yield a name, elements, those that have expired, slots, the owner, the slot that it has then, and the elements then."""
    yield "a key that does not exist", {}, [], 1, "a", 1, {"fence": "1", "owner": "a"}
    yield "a lock that is free", FREE, [], 1, "b", 1, {"fence": "8", "owner": "b"}
    yield "a lock whose lease is over", HELD, ["owner"], 1, "b", 1, {"fence": "8", "owner": "b"}
    yield "a lock of its own whose lease is over", HELD, ["owner"], 1, "a", 1, {"fence": "8", "owner": "a"}
    yield "a lock that it holds is renewed", HELD, [], 1, "a", 1, HELD
    yield "a lock that another owner holds", HELD, [], 1, "b", None, None
    yield "other elements are kept", {**FREE, "note": "x"}, [], 1, "b", 1, {"fence": "8", "note": "x", "owner": "b"}
    yield "the first slot of three is stored as a lock", {}, [], 3, "a", 1, {"fence": "1", "owner": "a"}
    yield "the second slot", HELD, [], 2, "b", 2, {**HELD, "fence-2": "1", "owner-2": "b"}
    yield "the lowest that is free", TWO, ["owner", "owner-2"], 2, "c", 1, {**TWO, "fence": "8", "owner": "c"}
    yield "a fence of each slot", TWO, ["owner-2"], 2, "c", 2, {**TWO, "fence-2": "4", "owner-2": "c"}
    yield "all slots are held", TWO, [], 2, "c", None, None
    yield "one slot more", TWO, [], 3, "c", 3, THREE
    yield "fewer slots than there are", {**THREE, "owner-3": "d"}, [], 2, "c", None, None
    yield "a slot of its own is renewed", TWO, [], 2, "b", 2, TWO
    yield "a slot of its own is renewed, though another is free", TWO, ["owner"], 2, "b", 2, TWO
    yield "a slot of its own beyond those that it gives", THREE, ["owner"], 1, "c", 3, THREE
    expected = {"fence": "8", "owner": "b", "fence-2": "3"}
    yield "an owner is taken out of a slot where its lease is over", TWO, ["owner", "owner-2"], 2, "b", 1, expected
    yield "the same beyond the slots that it gives", TWO, ["owner", "owner-2"], 1, "b", 1, expected
    yield "the largest fence", {"fence": "9999999999999999998"}, [], 1, "a", 1, {"fence": LARGEST, "owner": "a"}


def releases() -> Iterator[tuple[str, Fields, list[str], str, int | None, Fields | None]]:
    """Yield a name, elements, those that have expired, the owner, the slot that it had, and the elements then."""
    yield "its own", HELD, [], "a", 1, FREE
    yield "that of another owner", HELD, [], "b", None, None
    yield "one whose lease is over", HELD, ["owner"], "a", None, None
    yield "one that is free", FREE, [], "a", None, None
    yield "a slot", TWO, [], "b", 2, {"fence": "7", "owner": "a", "fence-2": "3"}
    yield "the first slot", TWO, [], "a", 1, {"fence": "7", "fence-2": "3", "owner-2": "b"}
    yield "a slot that it does not hold any more", TWO, ["owner-2"], "b", None, None


def no_locks() -> Iterator[tuple[str, Fields, int]]:
    """Yield a name, the elements of a map that is no lock, and slots with which it is none."""
    yield "without a fence", {"owner": "a"}, 1
    yield "another map", {"a": "1"}, 1
    for text in ("", "0", "01", "+1", "1.0", "x", "10000000000000000000", "\u0661"):
        yield f"a fence of {text!a}", {"fence": text}, 1
        yield f"a second fence of {text!a}", {**FREE, "fence-2": text}, 2
    yield "a second owner without a fence", {**FREE, "owner-2": "b"}, 2
