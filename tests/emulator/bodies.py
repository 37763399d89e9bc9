"""The JSON bodies of REST requests: each member is known and of its type, or the request is refused."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.emulator.answers import refuse
from tests.emulator.objects import Person

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a body: its JSON type, and whether it may be missing or null."""

    type: type
    required: bool = False
    nullable: bool = False


TEXT = Member(str, required=True)
OPTIONAL_TEXT = Member(str)
PERSON: Mapping[str, Member] = {"name": TEXT, "email": TEXT, "date": OPTIONAL_TEXT}
_NAMES = {str: "a string", bool: "a boolean", list: "an array", dict: "an object"}


def read_body(body: bytes, members: Mapping[str, Member], report: Callable[[str], None]) -> Json:
    """Read a JSON object, or refuse it; a member that nobody knows is reported, too."""
    try:
        content = json.loads(body)
    except ValueError:
        raise refuse(400, "Problems parsing JSON") from None
    return check_members(content, members, report)


def check_members(content: object, members: Mapping[str, Member], report: Callable[[str], None], where: str = "") -> Json:
    if not isinstance(content, dict):
        report(f"{where or 'a body'} that is no object")
        raise invalid(f"{_quoted(content)} is not an object.")
    for name, value in content.items():
        member = members.get(name)
        if member is None:
            report(f"{where}{name} in a body")
            raise invalid(f'"{where}{name}" is not a permitted key.')
        if not (type(value) is member.type or (value is None and member.nullable)):
            report(f"{where}{name} in a body is not {_NAMES[member.type]}")
            raise invalid(f"For 'properties/{where}{name}', {_quoted(value)} is not {_NAMES[member.type]}.")
    for name, member in members.items():
        if member.required and name not in content:
            raise invalid(f'"{where}{name}" wasn\'t supplied.')
    return content


def invalid(problem: str) -> Exception:
    return refuse(422, f"Invalid request.\n\n{problem}")


def text_of(content: Json, name: str, default: str = "") -> str:
    value = content.get(name, default)
    assert isinstance(value, str)
    return value


def read_person(content: object, where: str, now: datetime, report: Callable[[str], None]) -> Person:
    """Read an author or committer. Without a date it is now; with one, its zone is kept and fractions are dropped."""
    person = check_members(content, PERSON, report, f"{where}.")
    name, email = text_of(person, "name"), text_of(person, "email")
    if not name.strip() or not email.strip() or set("<>\n\0") & set(name + email):
        raise invalid(f"{where} needs a name and an email that git can store.")
    return Person(name, email, _read_date(text_of(person, "date"), where) if "date" in person else now)


def _read_date(text: str, where: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"For 'properties/{where}/date', {_quoted(text)} is not a valid date-time.") from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).replace(microsecond=0)


def _quoted(value: object) -> str:
    return "nil" if value is None else json.dumps(value, ensure_ascii=False)[:100]
