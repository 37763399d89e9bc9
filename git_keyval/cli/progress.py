"""Bars on standard error, for a person who waits while maintenance runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from git_keyval.progress import Progress


@contextmanager
def shown_progress(*, coloured: bool) -> Iterator[Progress]:
    """Yield a function for ``progress`` of the surroundings; the bars begin with its first call and are gone at the end."""
    console = Console(stderr=True, color_system="auto" if coloured else None)
    bars = Bars(console=console, transient=True)
    try:
        yield bar(bars)
    finally:
        if bars.tasks:
            bars.stop()


def bar(bars: Bars) -> Progress:
    """Return a function that shows a bar for each thing that is done, or a number where its end is not known."""
    tasks: dict[str, TaskID] = {}

    def progress(what: str, done: int, total: int) -> None:
        if not tasks:
            bars.start()
        known = done <= total
        shown = what if known else f"{what}: {done}"  # a bar without an end shows no numbers of its own
        if what not in tasks:
            tasks[what] = bars.add_task(shown, total=None)
        bars.update(tasks[what], description=shown, completed=done, total=total if known else None)

    return progress
