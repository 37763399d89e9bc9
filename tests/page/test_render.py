"""What a page says: keys without values, when they end, what waits, what is wrong; and no name in it is markup."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Getdel, Mset, Set
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError
from git_keyval.format.names import Naming
from git_keyval.format.times import SECOND
from git_keyval.maintenance.page import read_page
from git_keyval.maintenance.presenter import present
from git_keyval.page.render import Place, render, shown_name
from git_keyval.page.timeline import timeline
from tests.commands.test_keys import TYPES, fill, of
from tests.contract.samples import note
from tests.encrypting import cipher
from tests.page.pages import ADDRESS, NAME, cells, in_memory, page_of
from tests.world import World, key, text

HOUR, DAY = 3_600, 86_400
CATEGORIES = {"counter": "counter", "map": "map", "array": "array", "redirect": "redirect", "lock": "map/lock"}

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- -->]]>&lt;",
    "\u202egnp.exe",
    "a\u2066b\u2069\u200bc",
    "tab\there\nand there\x1b[2J",
    "javascript:alert(1)",
    "x" * 5_000,
]


def test_all_live_keys_are_in_the_table(world: World) -> None:
    fill(world)
    perform(world.database(), Set(key=of(world, "unnamed"), value=text("four")))
    rows = cells(page_of(world))
    expected = [(name, CATEGORIES.get(kind, f"data/{kind}")) for name, kind in TYPES]
    assert [tuple(row[:2]) for row in rows] == [*expected, (of(world, "unnamed").id, "data/string")]
    assert rows[-1][2:] == ["4", "never"]


def test_an_empty_database_has_a_page(world: World) -> None:
    page = page_of(world)
    assert "There are no keys yet." in page
    assert "<table id" not in page


def test_no_value_is_in_it(world: World) -> None:
    perform(world.database(), Set(key=of(world, "the-name"), value=text("the-value"), store_key=True))
    perform(world.database(), Set(key=of(world, "other"), value=text("the-other-value"), ttl=60))
    page = page_of(world)
    assert "the-name" in page
    assert not re.search("the-(other-)?value", page)


def test_the_names_of_an_encrypted_database_take_its_key(world: World) -> None:
    world.cipher = cipher()
    perform(world.database(), Set(key=of(world, "the-name"), value=text("the-value"), store_key=True))
    assert "the-name" in page_of(world)
    key_id = of(world, "the-name").id
    world.cipher = PLAIN
    page = page_of(world)
    assert "the-name" not in page
    assert key_id in page


def test_names_that_are_not_stored_can_be_given(memory: World) -> None:
    perform(memory.database(), Set(key=key("a"), value=text("v")))
    assert cells(page_of(memory, {key("a").id: "a"}))[0][0] == "a"


def test_what_waits_and_what_is_wrong_is_shown(memory: World) -> None:
    perform(memory.database(), Incr(key=key("n"), store_key=True))
    memory.plant(key("n"), 1)
    perform(memory.database(), Set(key=key("gone"), value=text("v")))
    perform(memory.database(), Getdel(key=key("gone")))
    assert 'class="status fine"' in page_of(memory)
    memory.put(Naming().value(key("odd").id), note(b"odd"))
    page = page_of(memory, rate_remaining=4812)
    assert 'class="status failed"' in page
    assert "<tr><td>increments that a gather adds<td" in page
    assert '<tr><td class="name">n<td class="number">1' in page
    assert "check found 1 error and 0 warnings" in page
    assert html.escape(f"refs/heads/{Naming().value(key('odd').id).removeprefix('refs/heads/')}") in page
    assert "4,812 API requests were left" in page
    assert [row[4] for row in cells(page) if row[0] == "n"] == ["1"]


def test_it_is_made_of_one_listing(memory: World) -> None:
    """So that what is counted in one place is what is shown in another."""
    fill(memory)
    store = memory.faulty({})
    read_page(memory.maintenance(store), {})
    assert [call.verb for call in store.calls].count("list") == 1


def test_several_repositories_have_one_page(memory: World) -> None:
    fill(memory)
    report = read_page(memory.maintenance(), {})
    failed = GitKeyvalError("It is <not> there.")
    places = [
        Place("org/db-0", ADDRESS, report, present("page", report)),
        Place("org/db-1", None, failed, present("page", failed)),
        Place("org/db-2", ADDRESS, report, present("page", report)),
    ]
    page = render(places, memory.clock() // SECOND, None)
    assert "org/db-0 and 2 more" in page
    assert "org/db-1 could not be read" in page
    assert "It is &lt;not&gt; there." in page
    assert 'class="status failed"' in page
    rows = cells(page)
    assert len(rows) == 2 * len(TYPES)
    assert {row[5] for row in rows} == {"org/db-0", "org/db-2"}


class _Scripts(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = {"script": "", "style": ""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and (tag := self.tags[-1][0]) in self.text and not self.text[tag]:
            self.text[tag] = data


def parsed(page: str) -> _Scripts:
    found = _Scripts()
    found.feed(page)
    return found


@given(st.lists(st.text(max_size=40), max_size=3))
@settings(max_examples=25, deadline=None)
def test_no_name_is_markup(names: list[str]) -> None:
    """Whatever names there are, the tags of the page are the same, and the names are read back as they are shown."""

    def filled(labels: list[str]) -> str:
        world = in_memory()
        for label in labels:
            perform(world.database(), Set(key=key(label), value=text("v"), store_key=True))
        return page_of(world)

    labels = list(
        dict.fromkeys(name for name in [*HOSTILE, *names] if name.isascii() or name.encode("utf-8", "ignore").decode() == name)
    )
    page, plain = filled(labels), filled([f"name {place}" for place in range(len(labels))])
    assert [tag for tag, _ in parsed(page).tags] == [tag for tag, _ in parsed(plain).tags]
    assert [sorted(attributes) for _, attributes in parsed(page).tags] == [
        sorted(attributes) for _, attributes in parsed(plain).tags
    ]
    assert sorted(html.unescape(row[0]) for row in cells(page)) == sorted(map(shown_name, labels))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_on_one_line_with_nothing_that_cannot_be_seen(name: str) -> None:
    shown = shown_name(name)
    assert shown.isprintable()
    assert len(shown) <= 300


def test_only_our_style_and_script_are_allowed(memory: World) -> None:
    """https://www.w3.org/TR/CSP3/"""
    fill(memory)
    found = parsed(page_of(memory))
    policy = next(
        attrs["content"] for tag, attrs in found.tags if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = {tag: base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for tag, body in found.text.items()}
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{hashes['style']}'",
        "script-src": f"'sha256-{hashes['script']}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [tag for tag, _ in found.tags].count("script") == 1
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "action"}], tag
        assert tag == "a" or not (attributes.get("href") or "").startswith("http")
    assert {attributes["href"] for tag, attributes in found.tags if tag == "a"} == {"#keys", ADDRESS}


def test_ten_thousand_keys_take_less_than_a_megabyte(memory: World) -> None:
    """Also where none of them has a name, and each an expiry: ten times what a thousand add."""
    empty = len(page_of(memory).encode())
    memory.at_once(
        lambda copy: perform(copy.database(), Mset(values={key(str(n)): text("x" * 999) for n in range(1_000)}, ttl=DAY))
    )
    page = page_of(memory)
    assert len(cells(page)) == 1_000
    assert 10 * (len(page.encode()) - empty) + empty < 1_000_000


# --- when keys end --------------------------------------------------------------------------------------------------

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("ends", "number", "span"),
    [
        ([HOUR, 5 * HOUR], 24, HOUR),
        ([HOUR, 6 * DAY], 28, 6 * HOUR),
        ([20 * DAY], 30, DAY),
        ([100 * DAY], 26, 7 * DAY),
        ([1000 * DAY], 37, 30 * DAY),
        ([HOUR] * 99 + [9000 * DAY], 24, HOUR),
    ],
)
def test_the_bars_span_what_shows_most_keys(ends: list[int], number: int, span: int) -> None:
    found = timeline([NOW + end for end in ends], NOW)
    assert len(found.bars) == number
    assert sum(bar.keys for bar in found.bars) + found.later == len(ends)
    assert found.bars[ends[0] // span].keys >= 1
    assert found.highest == max(bar.keys for bar in found.bars)


def test_what_never_ends_is_counted_apart() -> None:
    assert timeline([None, None], NOW) == ([], 0, 2)
    assert timeline([], NOW).highest == 1
    assert timeline([NOW - 5, None], NOW).bars[0].keys == 1


def test_a_page_names_its_repository(memory: World) -> None:
    assert f'<h1><a href="{ADDRESS}" rel="noreferrer">{NAME}</a></h1>' in page_of(memory)
