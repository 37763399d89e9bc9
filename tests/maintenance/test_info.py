"""info: what there is, when it ends, what waits, and how much room is left."""

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Getdel, Mset, Set
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.perform import perform
from git_keyval.format.names import Naming
from git_keyval.maintenance import presenter
from git_keyval.maintenance.commands import Info, Maintain
from git_keyval.maintenance.report import InfoReport
from tests.commands.test_keys import TYPES, VALUES, fill, of
from tests.contract.samples import note
from tests.encrypting import cipher
from tests.summaries import summary_of
from tests.world import World, drafts, key, text

DAY = 86_400


def info(world: World) -> InfoReport:
    return Info().run(world.maintenance())


def test_an_empty_repository_has_nothing(world: World) -> None:
    report = info(world)
    assert (report.keys, report.types, report.bytes, report.largest, report.unreadable) == (0, {}, {}, 0, 0)
    assert set(report.expiries.values()) == set(report.waiting.values()) == {0}
    assert "|" not in summary_of(report)


def test_keys_are_counted_by_type(world: World) -> None:
    fill(world)
    report = info(world)
    kinds = [kind for _, kind in TYPES]
    assert report.types == {kind: kinds.count(kind) for kind in kinds}
    assert (report.keys, report.named, report.count) == (len(TYPES), len(TYPES), len(TYPES))
    assert report.bytes["string"] == 1
    assert report.largest == max(report.bytes["lock"] // 4, report.largest) > 0
    assert report.waiting == {"breadcrumbs": 0, "expired": len(VALUES), "parked": 0} | {
        "breadcrumbs": report.waiting["breadcrumbs"]
    }
    assert report.elements > 4


def test_an_encrypted_database_needs_no_key(world: World) -> None:
    world.cipher = cipher()
    fill(world)
    world.cipher = PLAIN
    report = info(world)
    assert (report.keys, report.named, report.unreadable) == (len(TYPES), len(TYPES), 0)


def test_sizes_are_summed_up(memory: World) -> None:
    perform(memory.database(), Mset(values={key("a"): text("x" * 1000), key("b"): text("y" * 500)}))
    perform(memory.database(), Hset(key=key("m"), entries=drafts(a="1", b="23")))
    report = info(memory)
    assert (report.bytes, report.largest, report.elements) == ({"string": 1500, "map": 3}, 1000, 2)
    assert "**3 keys**, 2 elements of maps and arrays, 1.5 kB as stored; the largest has 1.0 kB." in summary_of(report)


def test_the_horizon_is_told(memory: World) -> None:
    ttls = [60, DAY - 60, 2 * DAY, 20 * DAY, 100 * DAY, 400 * DAY, 500 * DAY, None]
    for number, ttl in enumerate(ttls):
        perform(memory.database(), Set(key=key(str(number)), value=text("v"), ttl=ttl))
    assert info(memory).expiries == {
        "within a day": 2,
        "within a week": 1,
        "within a month": 1,
        "within a year": 1,
        "later": 2,
        "never": 1,
    }
    assert "xychart-beta" in summary_of(info(memory))


def test_what_waits_is_counted_with_its_next_step(memory: World) -> None:
    perform(memory.database(), Incr(key=key("n")))
    memory.plant(key("n"), 1)
    memory.plant(key("n"), 2)
    perform(memory.database(), Set(key=key("gone"), value=text("v")))
    perform(memory.database(), Getdel(key=key("gone")))
    perform(memory.database(), Set(key=key("ends"), value=text("v"), ttl=60))
    memory.clock.advance(120)
    report = info(memory)
    assert report.waiting == {"breadcrumbs": 2, "expired": 1, "parked": 1}
    shown = summary_of(report)
    assert "| increments that a gather adds | 2 | gather |" in shown
    assert "| keys that have ended | 1 | sweep |" in shown
    assert "| values parked below gc/ | 1 | purge |" in shown
    memory.clock.advance(30 * DAY)
    Maintain().run(memory.maintenance())
    assert set(info(memory).waiting.values()) == {0}
    assert "What waits" not in summary_of(info(memory))


def test_all_branches_are_counted(memory: World) -> None:
    """Those of the code, too: what GitHub recommends is about all of them."""
    memory.plant_foreign()
    before = len([name for name in memory.refs() if name.startswith("refs/heads/")])
    perform(memory.database(), Set(key=key("a"), value=text("v"), ttl=60, store_key=True))
    assert info(memory).branches == before + 3


def test_what_cannot_be_read_asks_for_attention(memory: World) -> None:
    perform(memory.database(), Set(key=key("a"), value=text("v")))
    memory.put(Naming().value(key("odd").id), note(b"odd"))
    perform(memory.database(), Set(key=key("b"), value=text("v")))
    memory.put(Naming().expiry(key("b").id), note(b"odd"))
    report = info(memory)
    assert (report.keys, report.unreadable, report.types) == (2, 2, {"string": 1, "unknown": 1})
    shown = summary_of(report)
    assert shown.startswith("## ⚠️ git-keyval info: needs attention\n")
    assert "| keys of which a part cannot be read | 2 | check |" in shown


@pytest.mark.parametrize(("most", "state"), [(4, "needs attention"), (5, "needs attention"), (6, "fine")])
def test_little_room_asks_for_attention(memory: World, monkeypatch: pytest.MonkeyPatch, most: int, state: str) -> None:
    """Before there is none."""
    monkeypatch.setattr(presenter, "RECOMMENDED_BRANCHES", most)
    for label in "abcde":
        perform(memory.database(), Set(key=key(label), value=text("v")))
    shown = summary_of(info(memory))
    assert f"git-keyval info: {state}\n" in shown
    assert f"5 branches{', more than' if most < 5 else ' of'} the {most} " in shown


def test_names_and_values_are_not_told(memory: World) -> None:
    perform(memory.database(), Set(key=of(memory, "the-name"), value=text("the-value"), store_key=True))
    shown = summary_of(info(memory))
    assert "the-name" not in shown
    assert "the-value" not in shown
