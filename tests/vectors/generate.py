"""Write the golden vectors of the stored format: ``python -m tests.vectors.generate``.

Nothing of the product is used here or in the cases, so the vectors do not echo the code that they check.
"""

import json
from collections.abc import Callable

from tests.vectors import HERE
from tests.vectors.cases import (
    counters,
    data,
    elements,
    encryption,
    expiry,
    exports,
    folding,
    locks,
    names,
    objects,
    redirects,
    times,
)
from tests.vectors.cases.raw import Json

FILES: dict[str, Callable[[], Json]] = {
    "objects": objects.objects,
    "data": data.data,
    "elements": elements.elements,
    "encryption": encryption.encryption,
    "names": names.names,
    "expiry": expiry.expiry,
    "times": times.times,
    "counters": counters.counters,
    "folding": folding.folding,
    "redirects": redirects.redirects,
    "locks": locks.locks,
    "exports": exports.exports,
}


def render(name: str) -> str:
    """Return the text of one file: a case a line, and ASCII, so that no editor or tool changes a character."""
    sections = [f"{json.dumps(section)}: {listed(cases)}" for section, cases in FILES[name]().items()]
    return "{\n" + ",\n".join(['"formatVersion": 2', *sections]) + "\n}\n"


def listed(cases: object) -> str:
    if not isinstance(cases, list):
        return json.dumps(cases)
    return "[\n" + ",\n".join(f"  {json.dumps(case)}" for case in cases) + "\n]"


def main() -> None:
    for name in FILES:
        (HERE / f"{name}.json").write_text(render(name), encoding="ascii")


if __name__ == "__main__":
    main()
