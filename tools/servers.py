"""Tries the product on all real servers that are installed here, and records what works.

python -m tools.servers            write the record, from which `make documents` makes the table of docs/operations.md
python -m tools.servers --check    say what differs from the record, and fail if something does
"""

import sys

import pytest

from tests.servers import settings
from tests.servers.catalogue import SERVERS, Server
from tests.servers.race import race
from tests.servers.record import CLIENTS, EACH, INCREMENTS, Served, recorded_servers, recorded_settings, write_record
from tests.servers.site import served_directory
from tests.servers.smoke import STEPS, smoke


def main(arguments: list[str]) -> int:
    """Try everything. Returns the status of the process: 0, or 1 for something that does not work, or is recorded otherwise."""
    servers = {name: found for name, server in SERVERS.items() if (found := _tried(name, server)) is not None}
    refused = _refused()
    complete = len(servers) == len(SERVERS) and len(refused) == len(settings.SETTINGS)
    if "--check" not in arguments:
        write_record(servers, refused)
        return 0 if complete else 1
    differs = (servers, refused) != (recorded_servers(), recorded_settings())
    print("the record differs: run make servers" if differs else "the record is current")
    return 1 if differs else 0


def _tried(name: str, server: Server) -> Served | None:
    """Try a server. Returns what is recorded of it, if anything, where it is not installed, and None where it does not work."""
    try:
        with served_directory() as directory, server.open(directory) as site:
            wrong = smoke(site)
            if not wrong:
                race(site, clients=CLIENTS, each=EACH)
    except pytest.skip.Exception as exc:
        print(f"{server.title}: {exc.msg}, so it stays as it is recorded")
        return recorded_servers().get(name)
    except AssertionError as exc:
        wrong = [str(exc)]
    print(f"{server.title}: {wrong or 'works'}", flush=True)
    return None if wrong else Served(server.title, server.protocol, len(STEPS), INCREMENTS)


def _refused() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with settings.by_path() as by_path, settings.by_http() as by_http:
        for setting in settings.SETTINGS:
            stands = [
                stand for over_http, stand in ((False, by_path), (True, by_http)) if setting in settings.cases(over_http=over_http)
            ]
            tried = [stand.try_acts(setting) for stand in stands]
            if differing := [one for one in map(setting.differing, tried) if one]:
                print(f"{setting.title}: {differing}")
            else:
                found[setting.title] = sorted({name for acts in tried for name, act in acts.items() if act.said})
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
