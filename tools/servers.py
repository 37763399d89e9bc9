"""Tries the product on the real servers that are installed here, and records what works.

python -m tools.servers            write the record, from which `make documents` makes the table of docs/operations.md
python -m tools.servers NAME...    try these servers, or `settings`, and leave what is recorded of the others
"""

import sys

import pytest

from tests.servers import settings
from tests.servers.catalogue import SERVERS, Server
from tests.servers.race import race
from tests.servers.record import CLIENTS, Served, recorded_servers, recorded_settings, write_record
from tests.servers.site import served_directory
from tests.servers.smoke import STEPS, smoke

_SETTINGS = "settings"


def main(chosen: list[str]) -> int:
    """Try what is chosen, or everything. Returns the status of the process: 0, or 1 where something does not work."""
    tried = {name: _tried(name, server) for name, server in SERVERS.items() if not chosen or name in chosen}
    refused = {} if chosen and _SETTINGS not in chosen else _refused()
    known, known_refused = recorded_servers() | tried, recorded_settings() | refused
    servers = {name: found for name in SERVERS if (found := known.get(name)) is not None}
    write_record(servers, {one.title: acts for one in settings.SETTINGS if (acts := known_refused.get(one.title)) is not None})
    return 1 if None in (*tried.values(), *refused.values()) else 0


def _tried(name: str, server: Server) -> Served | None:
    """Try a server. Returns what is recorded of it, if anything, where it is not installed, and None where it does not work."""
    try:
        with served_directory() as directory, server.open(directory) as site:
            wrong = smoke(site)
            if server.increments and not wrong:
                race(site, clients=CLIENTS, each=server.increments)
    except pytest.skip.Exception as exc:
        print(f"{server.title}: {exc.msg}, so it stays as it is recorded")
        return recorded_servers().get(name)
    except AssertionError as exc:
        wrong = [str(exc)]
    print(f"{server.title}: {wrong or 'works'}", flush=True)
    return None if wrong else Served(server.title, server.protocol, len(STEPS), CLIENTS * server.increments)


def _refused() -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    with settings.by_path() as by_path, settings.by_http() as by_http:
        for setting in settings.SETTINGS:
            places = ((by_path, settings.cases(over_http=False)), (by_http, settings.cases(over_http=True)))
            tried = [stand.try_acts(setting) for stand, cases in places if setting in cases]
            wrong = [one for one in map(setting.differing, tried) if one]
            print(f"{setting.title}: {wrong or 'as recorded'}", flush=True)
            found[setting.title] = None if wrong else sorted({name for acts in tried for name, act in acts.items() if act.said})
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
