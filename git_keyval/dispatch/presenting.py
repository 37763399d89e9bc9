"""A command's answer as outputs: text by name, the same for the runner and the terminal."""

import json
from collections.abc import Mapping

from git_keyval.commands.results import NO_KEY, Result
from git_keyval.format.canonical import JsonValue
from git_keyval.format.times import iso_utc
from git_keyval.format.values import Value, as_json, as_text
from git_keyval.interface.commands import Command
from maintenance.init import InitReport
from maintenance.report import CheckReport, Report, check_to_json, to_json


def outputs_of(command: Command, content: Result | Report | CheckReport | InitReport, requests: int) -> dict[str, str]:
    """Give the outputs of a command that have something to tell."""
    match content:
        case Result():
            told = _of_result(content)
        case Report():
            told = {"count": sum(len(job.applied) for job in content.jobs), "report": to_json(content)}
        case CheckReport():
            told = {"count": content.errors(), "report": check_to_json(content)}
        case InitReport():
            told = {"applied": bool(content.created), "count": len(content.created)}
    told["requests-used"] = requests
    return {name: _text(value) for name, value in told.items() if name in command.outputs and value is not None}


def shown_value(value: Value | int) -> str:
    """Give a value as the output ``value`` shows it."""
    return str(value) if isinstance(value, int) else as_text(value)


def json_of(value: Value | int) -> JsonValue:
    """Give a value as JSON."""
    return value if isinstance(value, int) else as_json(value)


def value_bytes(value: Value | int) -> bytes:
    """Give the bytes of a value, for a file."""
    return str(value).encode() if isinstance(value, int) else value.data


def _of_result(result: Result) -> dict[str, object]:
    told: dict[str, object] = {
        "found": result.found,
        "applied": result.applied,
        "type": result.type,
        "version": result.version,
        "ttl": result.ttl,
        "pending": result.pending,
        "count": result.count,
        "json": result.document,
    }
    if result.value is not None:
        told |= {"value": shown_value(result.value), "json": _json(json_of(result.value))}
    if result.old_value is not None:
        told["old-value"] = shown_value(result.old_value)
    if result.expires_at is not None:
        told["expires-at"] = iso_utc(result.expires_at)
    if result.found is False and result.ttl is None:
        told["ttl"] = NO_KEY
    return told


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value) if isinstance(value, Mapping | list) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
