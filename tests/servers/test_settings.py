"""A database under git's settings and hooks on the server's side: by a path, and what is refused over HTTP as well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.races.clients import Client, Worker
from tests.servers.apache import apache
from tests.servers.settings import ACTS, SETTINGS, Setting, is_as_told, make_template, refs_of, set_up, try_act
from tests.servers.site import served_directory

_HANDFUL = 12  # requests


@dataclass(frozen=True, slots=True)
class Stand:
    """Where settings are tried: by a path, or behind a server, which counts the ``requests``."""

    root: Path
    template: Path
    client: Client
    address: Callable[[Path], str]
    shared: bool = False
    requests: Callable[[], int] = lambda: 0


@pytest.fixture(scope="module")
def by_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    root = tmp_path_factory.mktemp("settings")
    with Worker({}, root / "outputs") as client:
        yield Stand(root, make_template(root / "template"), client, str)


@pytest.fixture(scope="module")
def by_http() -> Iterator[Stand]:
    with served_directory() as root, apache(root) as server:
        site, template = server.site, make_template(root / "template")
        with Worker(site.environ, root / "outputs") as client:
            yield Stand(site.root, template, client, site.address, site.shared, lambda: len(server.requests()))


def _cases(*, over_http: bool) -> list[object]:
    chosen = [one for one in SETTINGS if (one.refused if over_http else not one.place)]
    return [pytest.param(one, id=one.title, marks=pytest.mark.xfail(reason=one.pending) if one.pending else ()) for one in chosen]


@pytest.mark.parametrize("setting", _cases(over_http=False))
def test_what_works_and_what_is_refused_by_a_path(by_path: Stand, setting: Setting) -> None:
    tried(by_path, setting)


@pytest.mark.parametrize("setting", _cases(over_http=True))
def test_what_is_refused_over_http(by_http: Stand, setting: Setting) -> None:
    tried(by_http, setting)


def tried(stand: Stand, setting: Setting) -> None:
    """Do every act; one that is refused changes nothing, and takes no more than a handful of requests."""
    repository = stand.root / f"{SETTINGS.index(setting)}.git"
    set_up(stand.template, repository, setting, shared=stand.shared)
    differing = {}
    for name in ACTS:
        before, asked = refs_of(repository), stand.requests()
        said = try_act(stand.client, stand.address(repository), name)
        if not is_as_told(setting, name, said):
            differing[name] = said or "works"
        if name in setting.refused:
            assert refs_of(repository) == before, name
            assert stand.requests() - asked <= _HANDFUL or name == "sweep", name
    assert differing == {}
