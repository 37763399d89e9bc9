"""The page of a run: of all repositories that it read together."""

from collections.abc import Sequence

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import Outcome
from git_keyval.errors import GitKeyvalError
from git_keyval.format.times import SECOND
from git_keyval.maintenance.presenter import Presentation
from git_keyval.maintenance.report import PageReport
from git_keyval.page.render import Place, render


def page_of(done: Sequence[Outcome], shown: Sequence[tuple[str, Presentation]], surroundings: Surroundings) -> bytes:
    """Return the page of these repositories, as a file holds it."""
    places = [
        Place(name, end.address, end.report, presentation)
        for end, (name, presentation) in zip(done, shown, strict=True)
        if isinstance(end.report, PageReport | GitKeyvalError)
    ]
    left = [end.rate_remaining for end in done if end.rate_remaining is not None]
    return render(places, surroundings.clock() // SECOND, min(left, default=None)).encode()
