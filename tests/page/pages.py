"""Pages of databases in memory."""

import re
from collections.abc import Mapping

from git_keyval.format.names import KeyId
from git_keyval.format.times import SECOND
from git_keyval.maintenance.page import read_page
from git_keyval.maintenance.presenter import present
from git_keyval.page.render import Place, render
from tests.conftest import FakeClock
from tests.contract.places import Place as Repository
from tests.memory import MemoryStore
from tests.world import World

NAME, ADDRESS = "org/db", "https://github.com/org/db"


def in_memory() -> World:
    """Return an empty database."""
    clock = FakeClock()
    store = MemoryStore(clock)
    return World(Repository(lambda: store, lambda _oid: None), clock)


def page_of(world: World, names: Mapping[KeyId, str] | None = None, *, rate_remaining: int | None = None) -> str:
    """Return the page of a database, as it is now."""
    report = read_page(world.maintenance(), names or {})
    return render([Place(NAME, ADDRESS, report, present("page", report))], world.clock() // SECOND, rate_remaining)


def cells(page: str) -> list[list[str]]:
    """Return what stands in the rows of the table of keys, as it is written in HTML."""
    body = re.search(r'<table id="table">.*?<tbody>(.*?)</table>', page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)\n", body[1] if body else "")
    return [re.sub("<td[^>]*>", "\t", row).split("\t")[1:] for row in rows]
