"""A database under git's settings and hooks on the server's side: by a path, and what is refused over HTTP as well."""

from collections.abc import Iterator

import pytest

from tests.servers import settings
from tests.servers.record import recorded_settings
from tests.servers.settings import Setting, Stand

_HANDFUL = 12  # requests: a write that knows nothing, a read, a write that knows; each twice where the refusal is not of one ref


@pytest.fixture(scope="module")
def by_path() -> Iterator[Stand]:
    with settings.by_path() as stand:
        yield stand


@pytest.fixture(scope="module")
def by_http() -> Iterator[Stand]:
    with settings.by_http() as stand:
        yield stand


def _cases(*, over_http: bool) -> list[object]:
    return [pytest.param(one, id=one.title) for one in settings.cases(over_http=over_http)]


@pytest.mark.parametrize("setting", _cases(over_http=False))
def test_what_works_and_what_is_refused_by_a_path(by_path: Stand, setting: Setting) -> None:
    assert setting.differing(by_path.try_acts(setting)) == {}


@pytest.mark.parametrize("setting", _cases(over_http=True))
def test_what_is_refused_over_http_takes_a_handful_of_requests(by_http: Stand, setting: Setting) -> None:
    tried = by_http.try_acts(setting)
    assert setting.differing(tried) == {}
    asked = {name: tried[name].requests for name in setting.refused if name != "sweep"}
    assert {name: count for name, count in asked.items() if count > _HANDFUL} == {}


def test_the_record_tells_what_is_refused() -> None:
    """``make servers`` writes it."""
    assert recorded_settings() == {setting.title: sorted(setting.refused) for setting in settings.SETTINGS}
