"""The tables of docs/performance.md, and its charts, of what is recorded."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.charts import chart
from benchmarks.recorded import ElementRow, Elements, ListRow, Lists, Recording, Row

_PROGRAMS = {"path": "on a path", "HTTP": "over HTTP", "git": "git alone", "sqlite3": "`sqlite3`", "redis": "`redis-cli`"}
_STEPS = ("get", "set", "incr", "hset", "mget")
_JOBS = ("keys", "sweep", "gather", "check")
_OURS = ("path", "HTTP")
_LISTS = {"push": "before a push, for one key", "all": "all refs, as `keys` and jobs read them"}
_NONE = "-"
_MEGABYTE = 1_000_000
_CPU = "CPU time of the process and those it starts"


def performance_tables(recording: Recording, elements: Elements, lists: Lists) -> str:
    """Return the generated part of docs/performance.md."""
    return (
        "\n\n".join(
            [
                _told(recording),
                "### One key",
                "![CPU time of get over the number of keys](performance/get.svg)",
                "![CPU time of set over the number of keys](performance/set.svg)",
                "CPU time, from the start of the process to its end:",
                _table(recording, _STEPS, _PROGRAMS, _cpu),
                "What a step on a path costs beyond the start of its process, as a multiple of that among the fewest keys:",
                _ratios(recording),
                "### All keys",
                "![CPU time of jobs over the number of keys](performance/jobs.svg)",
                "CPU time:",
                _table(recording, _JOBS, _PROGRAMS, _cpu),
                "Time that passed:",
                _table(recording, _JOBS, _PROGRAMS, _time),
                "### Memory",
                "The highest resident size of the process, or of one of git's if that is more:",
                _table(recording, (*_STEPS, *_JOBS), {name: _PROGRAMS[name] for name in _OURS}, _memory),
                "### One element of a large map or array",
                "Without the start of the process; GitHub is an emulated one, and bytes are uncompressed:",
                element_table(elements),
                "### What a server lists over HTTP",
                "CPU time of the client, and that of reading the same bytes with the same client into nothing:",
                list_table(lists),
            ]
        )
        + "\n"
    )


def element_table(elements: Elements) -> str:
    """Return the table of what a step on one element of a map or an array takes."""
    lines = ["| command | where | elements | requests | sent | received | CPU time | memory |", "| --- | --- |" + " --: |" * 6]
    for row in elements.rows:
        wire = [_NONE] * 3 if row.place == "path" else [str(row.requests), _size(row.sent_bytes), _size(row.received_bytes)]
        cells = [_name(row.command), row.place, f"{row.elements:,}", *wire, _seconds(row.cpu_seconds), _memory(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def list_table(lists: Lists) -> str:
    """Return the table of what it takes to use what a server lists."""
    lines = ["| list | refs | received | CPU time | into nothing | ratio | memory |", "| --- |" + " --: |" * 6]
    for row in lists.rows:
        times = [_seconds(row.cpu_seconds), _seconds(row.unread_cpu_seconds), f"{row.ratio:.2f}"]
        cells = [_LISTS[row.way], f"{row.refs:,}", _size(row.bytes), *times, _memory(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def performance_charts(recording: Recording) -> dict[str, str]:
    """Return the charts by the names of their files."""
    steps = {command: {name: _line(recording, command, name) for name in _PROGRAMS} for command in ("get", "set")}
    jobs = {command: _line(recording, command, "path") for command in _JOBS}
    titled = {command: (f"One {command}, a process of its own", lines) for command, lines in steps.items()}
    titled["jobs"] = ("Jobs on a path", jobs)
    return {
        f"{name}.svg": chart(title, _CPU, {label: line for label, line in lines.items() if line})
        for name, (title, lines) in titled.items()
    }


def _told(recording: Recording) -> str:
    machine = recording.machine
    versions = [f"{name} {machine[name]}" for name in ("sqlite3", "redis-server") if name in machine]
    with_what = ", ".join([str(machine["git"]), f"Python {machine['python']}", *versions])
    memory = f"{int(machine['memory_bytes']) / 1e9:.0f} GB"
    return (
        f"Measured on {recording.date}: {machine['cpus']} CPUs, {memory} of memory, data on a disk in memory; {with_what}.\n"
        f"Medians of {recording.rounds} rounds; a job among more than 10,000 keys ran once."
    )


def _table(recording: Recording, commands: Iterable[str], programs: dict[str, str], cell: Callable[[Row], str]) -> str:
    lines = [f"| command | keys | {' | '.join(programs.values())} |", "| --- |" + " --: |" * (len(programs) + 1)]
    for command in commands:
        for keys in recording.sizes:
            found = [recording.find(command, program, keys) for program in programs]
            if any(found):
                lines.append(f"| {_name(command)} | {keys:,} | {' | '.join(cell(row) if row else _NONE for row in found)} |")
    return "\n".join(lines)


def _ratios(recording: Recording) -> str:
    sizes = recording.sizes
    lines = [f"| command | {' | '.join(f'{keys:,} keys' for keys in sizes)} |", "| --- |" + " --: |" * len(sizes)]
    for command in _STEPS:
        grown = [f"{recording.ratios[command][str(keys)]:.2f}" for keys in sizes]
        lines += [f"| {_name(command)} | {' | '.join(grown)} |"]
    return "\n".join(lines)


def _name(command: str) -> str:
    return f"`{command}` of 50 keys" if command == "mget" else f"`{command}`"


def _line(recording: Recording, command: str, program: str) -> Sequence[tuple[float, float]]:
    found = [recording.find(command, program, keys) for keys in recording.sizes]
    return [(row.keys, row.cpu_seconds) for row in found if row]


def _cpu(row: Row) -> str:
    return _seconds(row.cpu_seconds)


def _time(row: Row) -> str:
    return _seconds(row.seconds) if row.seconds else _NONE


def _memory(row: Row | ElementRow | ListRow) -> str:
    return f"{row.memory_bytes / _MEGABYTE:.0f} MB"


def _size(number: int) -> str:
    return f"{number / 1_000:.0f} KB"


def _seconds(number: float) -> str:
    return f"{number * 1_000:.0f} ms" if number < 1 else f"{number:.1f} s"
