"""Probes of ``updateRefs``: what it says when it refuses, and how much it takes."""

from tools.live.probes import Probe
from tools.live.wire import ZERO, Wire

_SIZES = (50, 100, 250, 500, 1_000)
_UNSTORED = "deadbeef" * 5
_LENGTHS = (200, 250, 300, 1_000)


def stale_before(wire: Wire) -> str:
    """Expect an oid that the ref has left."""
    first, second = wire.commit("first\n"), wire.commit("second\n")
    name = wire.branch_at("stale", second)
    return str(wire.update({"name": name, "beforeOid": first, "afterOid": first}))


def zero_before(wire: Wire) -> str:
    """Expect an existing ref to be absent."""
    first, second = wire.commit("first\n"), wire.commit("second\n")
    name = wire.branch_at("zero", first)
    return str(wire.update({"name": name, "beforeOid": ZERO, "afterOid": second}))


def missing_after(wire: Wire) -> str:
    """Point a ref at an object that was never stored."""
    return str(wire.update({"name": wire.branch("missing"), "beforeOid": ZERO, "afterOid": _UNSTORED}))


def directory_in_the_way(wire: Wire) -> str:
    """Create a ref below one that exists."""
    oid = wire.commit("first\n")
    name = wire.branch_at("taken", oid)
    return str(wire.update({"name": f"{name}/below", "beforeOid": ZERO, "afterOid": oid}))


def named_twice(wire: Wire) -> str:
    """Name one ref twice in one call."""
    update = {"name": wire.branch("twice"), "afterOid": wire.commit("first\n")}
    return str(wire.update(update, update))


def delete_absent(wire: Wire) -> str:
    """Delete what is absent, expecting nothing, and expecting it to be absent."""
    name = wire.branch("absent")
    free = wire.update({"name": name, "afterOid": ZERO})
    return f"without beforeOid: {free}. With beforeOid zero: {wire.update({'name': name, 'beforeOid': ZERO, 'afterOid': ZERO})}"


def assertion(wire: Wire) -> str:
    """Expect what is there and change nothing, then the same of what has moved."""
    first, second = wire.commit("first\n"), wire.commit("second\n")
    name = wire.branch_at("asserted", first)
    holds = wire.update({"name": name, "beforeOid": first, "afterOid": first})
    return f"holds: {holds}. Does not hold: {wire.update({'name': name, 'beforeOid': second, 'afterOid': second})}"


def all_or_nothing(wire: Wire) -> str:
    """Send a good update with one that must fail, and look whether the good one was applied."""
    oid = wire.commit("first\n")
    good = wire.branch("atomic")
    wire.update({"name": good, "afterOid": oid}, {"name": wire.branch("bad"), "beforeOid": oid, "afterOid": oid})
    found = wire.rest("GET", f"/git/ref/{good.removeprefix('refs/')}")
    return f"the good one was {'applied' if found.is_done else 'not applied'} (reading it: {found})"


def sizes(wire: Wire) -> str:
    """Create, and delete, more and more refs in one call."""
    oid = wire.commit("first\n")
    findings = []
    for size in _SIZES:
        names = [wire.branch(f"size-{size}/{number:04}") for number in range(size)]
        made = wire.update(*({"name": name, "beforeOid": ZERO, "afterOid": oid} for name in names))
        findings.append(f"{size} created: {made}, {made.seconds:.1f} s")
        if not made.is_done:
            break
        gone = wire.update(*({"name": name, "beforeOid": oid, "afterOid": ZERO} for name in names))
        findings.append(f"deleted: {gone}, {gone.seconds:.1f} s")
    return "; ".join(findings)


def name_lengths(wire: Wire) -> str:
    """Create refs with longer and longer names, in one part and in several."""
    oid = wire.commit("first\n")
    findings = []
    for length in _LENGTHS:
        for kind, separator in (("one part", "x"), ("parts of 100", "/")):
            tail = "".join(separator if number % 100 == 99 else "x" for number in range(length - len(wire.branch("l")) - 1))  # noqa: PLR2004  # parts of 100
            answer = wire.update({"name": f"{wire.branch('l')}{tail}x", "beforeOid": ZERO, "afterOid": oid})
            findings.append(f"{length} in {kind}: {answer}")
    return "; ".join(findings)


def cost(wire: Wire) -> str:
    """Compare what the headers say is used before and after one mutation."""
    oid = wire.commit("first\n")
    before = wire.query("id").headers
    after = wire.update({"name": wire.branch("cost"), "afterOid": oid}).headers
    names = ("x-ratelimit-resource", "x-ratelimit-limit", "x-ratelimit-used", "x-ratelimit-remaining")
    return "; ".join(f"{name}: {before.get(name)}, then {after.get(name)}" for name in names)


PROBES = (
    Probe("What does updateRefs say of a ref that is not at beforeOid?", "beforeOid of an earlier commit", stale_before),
    Probe("What does it say of a ref that exists and must not?", "beforeOid zero, on an existing ref", zero_before),
    Probe("What does it say of an object that was never stored?", "afterOid of no object", missing_after),
    Probe("What does it say of a ref below another one?", "a ref named like a folder of an existing ref", directory_in_the_way),
    Probe("What does it say of a ref that is named twice?", "the same update twice in one call", named_twice),
    Probe("Does deleting an absent ref fail?", "afterOid zero on an absent ref, without and with beforeOid zero", delete_absent),
    Probe(
        "May a ref be asserted without being moved?", "beforeOid and afterOid alike: one that holds, one that does not", assertion
    ),
    Probe("Is a call applied as a whole?", "a good update and one that must fail, then a read of the good one", all_or_nothing),
    Probe("How many refs does one call take?", f"{', '.join(map(str, _SIZES))} creations, and as many deletions", sizes),
    Probe("How long may the name of a ref be?", f"names of {', '.join(map(str, _LENGTHS))} characters", name_lengths),
    Probe("What does updateRefs cost of the primary limit?", "one query, then one updateRefs, and their headers", cost),
)
