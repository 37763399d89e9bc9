"""Random inputs: most of them what a command takes, with the extremes that are accepted; some of them anything."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from git_keyval.errors import InputError
from git_keyval.interface.commands import Signature
from git_keyval.interface.forms import Duration, Flag, OneOf, WholeNumber
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.parsing import parse_inputs
from tests.encrypting import secret
from tests.fuzz.records import FIELDS, HOSTILE, OPS, SECRET
from tests.fuzz.stores import KEYS, Repository

ENCRYPTION_KEYS = {name: base64.b64encode(secret(name)).decode() for name in ("first", "second")}

_ALWAYS_LEFT = {"command", "repository", "token"}
_VALUES = (
    "hello",
    "12",
    "-0.5",
    "true",
    '{"a":[1]}',
    "",
    SECRET,
    "1e400",
    "9" * 40,
    "9223372036854775807",
    "AAEC",
    "[",
    "x" * 90_000,
)
_TIMES = (
    "2026-01-01T12:00:01Z",
    "1999-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
    "2027-01-31T12:00:00+01:00",
    "2027-02-30T00:00:00Z",
)
_DURATIONS = ("1s", "60s", "15m", "30d", "P1D", "PT15M", "99999999999w", "0s", "-1s", "1.5h", "366d")
_NUMBERS = (-(2**63), -(2**53), -2, -1, 0, 1, 2, 3, 41, 10_000, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 10**25)


def draw_inputs(r: Random, command: Signature, repository: Repository, files: Path) -> dict[str, str]:
    """Draw inputs for a command; those that it refuses at once are drawn again, most of the time."""
    for _ in range(12):
        given = _draw(r, command, repository, files)
        if r.random() < 0.1 or _are_accepted(command, given):
            break
    return given


def anything(r: Random) -> str:
    """Draw a text that nobody would give."""
    texts = (
        *HOSTILE,
        "\ud800",
        "../../etc/passwd",
        "-x",
        "--upload-pack=id",
        "a" * 5_000,
        "\x7f",
        "{shard}",
        "null",
        "0x1",
        "\u0661",
    )
    return "".join(r.sample(texts, r.choice((1, 1, 2)))).replace("\0", "")


def draw_addresses(r: Random) -> str:
    """Draw what ``repository`` may name by mistake, or on purpose; nothing of it is outside this machine."""
    return r.choice(
        (
            *("~nosuchuser/db.git", "./nowhere", "/dev/null", "/", ".", "octo/db", "https://[", "http://127.0.0.1:1/octo/db.git"),
            *("file:///nowhere", "-oProxyCommand=id", "ssh://-oProxyCommand=id/x", "http://127.0.0.1:99999/x"),
            *(
                "git://127.0.0.1:1/x",
                "\u202e/\u202e",
                "a" * 5_000,
                "octo/d{shard}",
                "./octo/d{shard}{shard}",
                "http://u:p@127.0.0.1:1/",
            ),
            anything(r),
        )
    )


def _draw(r: Random, command: Signature, repository: Repository, files: Path) -> dict[str, str]:
    names = {r.choice(group) for group in command.needs}
    names |= {name for name in command.inputs if r.random() < 0.12}
    if repository.encrypted and "encryption-key" in command.inputs and r.random() < 0.9:
        names |= {"encryption-key", "encryption-kid"}
    if repository.shard_length != 2 and "shard-length" in command.inputs:  # the default
        names.add("shard-length")
    if r.random() < 0.05:
        names.add(r.choice(sorted(INPUTS)))
    return {name: _text(r, name, repository, files) for name in sorted(names - _ALWAYS_LEFT)}


def _are_accepted(command: Signature, given: Mapping[str, str]) -> bool:
    try:
        parse_inputs(command, given, {})
    except InputError:
        return False
    return True


def _text(r: Random, name: str, repository: Repository, files: Path) -> str:
    if r.random() < 0.02:
        return anything(r)
    if name in _DRAWN:
        return _DRAWN[name](r, repository, files)
    return _by_rule(r, INPUTS[name].parse)


def _by_rule(r: Random, parse: Callable[[str], object]) -> str:
    """Draw what an input accepts, by the rule that it is parsed by, or what is just beyond."""
    match parse:
        case OneOf(words):
            return r.choice(words)
        case Flag():
            return r.choice(("true", "true", "false", "yes"))
        case WholeNumber(lowest, highest):
            return str(r.choice((*_NUMBERS, lowest, highest, lowest - 1, highest + 1)))
        case Duration():
            return r.choice(_DURATIONS)
        case _:
            return r.choice(("octo/registry", anything(r)))


def _key(r: Random) -> str:
    return r.choice(KEYS) if r.random() < 0.9 else anything(r)


def _listed(r: Random, texts: list[str]) -> str:
    return json.dumps(texts) if r.random() < 0.5 else "\n".join(texts)


def _json(r: Random) -> object:
    return r.choice((1, -0.5, 2**53, 1e300, True, None, SECRET, "", [], {"a": [SECRET]}, ["x"] * 50, 2**70))


def _file(r: Random, files: Path) -> str:
    return str(files / r.choice(("small", "empty", "absent", "folder", "folder/none", "link", "pipe", "large", "to-full")))


def _version(r: Random, repository: Repository) -> str:
    return r.choice((*repository.refs.values(), "0" * 40, "deadbeef" * 5))


def _encryption_key(r: Random) -> str:
    first, second = ENCRYPTION_KEYS.values()
    return r.choice((first, first, first, f"first: {first}\nsecond: {second}", second))


_Draw = Callable[[Random, Repository, Path], str]
_DRAWN: dict[str, _Draw] = {
    **dict.fromkeys(("key", "to"), lambda r, _, __: _key(r)),
    "keys": lambda r, _, __: _listed(r, [_key(r) for _ in range(r.choice((1, 2, 5)))]),
    "field": lambda r, _, __: r.choice((*FIELDS, "owner", "fence", "absent")),
    "fields": lambda r, _, __: _listed(r, r.sample(FIELDS, 2)),
    **dict.fromkeys(("index", "start", "stop"), lambda r, _, __: str(r.choice((0, 0, 1, -1, -1, 2, r.choice(_NUMBERS))))),
    "value": lambda r, _, __: r.choice((*_VALUES, anything(r))),
    "values": lambda r, _, __: json.dumps(
        r.choice(({_key(r): _json(r) for _ in range(r.choice((1, 2, 5)))}, [_json(r), _json(r)]))
    ),
    "value-file": lambda r, _, files: _file(r, files),
    "output-file": lambda r, _, files: _file(r, files),
    "config": lambda r, _, files: str(files / r.choice(("config.yml", "config.yml", "small", "absent", "folder"))),
    "expires-at": lambda r, _, __: r.choice(_TIMES),
    "if-version": lambda r, repository, _: _version(r, repository),
    "op-id": lambda r, _, __: r.choice((*OPS, "run 7", "x" * 4_000)),
    "owner": lambda r, _, __: r.choice(("me", SECRET, "x" * 1_000)),
    "media-type": lambda r, _, __: r.choice(("image/png", "a/b", "text/plain; charset=x", "A/B")),
    "default": lambda r, _, __: r.choice(("", "none", anything(r))),
    "shard-length": lambda r, repository, _: str(repository.shard_length if r.random() < 0.9 else r.choice((0, 1, 3, 39, 40))),
    "repository-shard-length": lambda r, _, __: r.choice(("1", "2", "3", "4")),
    "redirect-to": lambda r, _, __: r.choice(("octo/other", "octo/db", "none", "else/db{shard}", "octo/../db")),
    "redirect-allow": lambda r, _, __: r.choice(("*", "octo/*", "octo/other\nelse/*", '["*"]', "x")),
    "encryption-key": lambda r, _, __: _encryption_key(r),
    "encryption-kid": lambda r, _, __: r.choice((*["first"] * 8, "second", "a b")),
}
