"""Job summaries of reports."""

from git_keyval.action.summary import summary
from git_keyval.maintenance.presenter import NOTHING, Around, present
from git_keyval.maintenance.report import AnyReport

NAME, ADDRESS = "org/db", "https://github.com/org/db"


def summary_of(report: AnyReport, around: Around = NOTHING) -> str:
    """Return the summary of a report on a repository of that name and address."""
    return summary(present("a command", report, around), NAME, ADDRESS)
