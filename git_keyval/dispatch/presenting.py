"""What became of repositories, as people are shown it: beside the report of each, what an earlier report said of it."""

import json
from collections.abc import Callable, Mapping, Sequence

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import Outcome
from git_keyval.dispatch.worklist import Worklist
from git_keyval.errors import as_inputs
from git_keyval.format.canonical import JsonValue
from git_keyval.interface.commands import Signature
from git_keyval.maintenance.presenter import Around, Presentation, present

_MAX_BYTES = 25 * 1024 * 1024
_NO_REPORT = "The earlier report cannot be read, so nothing is compared with it."


def presented(
    command: Signature,
    work: Worklist,
    done: Sequence[Outcome],
    surroundings: Surroundings,
    wording: Callable[[str], str] = as_inputs,
) -> list[tuple[str, Presentation]]:
    """Return what is said of each repository, by its name. A file of an earlier report that is not there is the first run's."""
    earlier, missed = _earlier(work.targets[0].inputs.previous_report, surroundings)
    return [
        (end.repository, present(command.name, end.report, Around(end.rate_remaining, _of(earlier, end, work), missed, wording)))
        for end in done
    ]


def _earlier(path: str | None, surroundings: Surroundings) -> tuple[Mapping[str, JsonValue], str]:
    """Return an earlier report, or nothing and why."""
    if path is None:
        return {}, ""
    try:
        document = json.loads(surroundings.read_file(path, _MAX_BYTES))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError):
        return {}, _NO_REPORT
    return (document, "") if isinstance(document, dict) else ({}, _NO_REPORT)


def _of(earlier: Mapping[str, JsonValue], end: Outcome, work: Worklist) -> Mapping[str, JsonValue] | None:
    """Return what a report says of a repository."""
    match earlier:
        case {"repositories": list(several)}:
            found = (each.get("report") for each in several if isinstance(each, dict) and each.get("repository") == end.repository)
            report = next(found, None)
            return report if isinstance(report, dict) else None
        case {"command": str()} if not work.listed:
            return earlier
    return None
