"""A check of JSON against docs/report.schema.json: as much of JSON Schema as that file uses, and an error for anything else."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.action.steps import ROOT

Schema = dict[str, Any]

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_NOTES = {"$schema", "$defs", "title", "description", "format"}


def report_problems(report: object) -> list[str]:
    """Tell what of a report is not as the schema of reports says."""
    schema: Schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    return problems(report, schema, schema["$defs"])


def problems(value: object, schema: Schema, definitions: Mapping[str, Schema], at: str = "report") -> list[str]:
    """Tell what of a value is not as a schema says. Raises LookupError for a keyword that is not known here."""
    found: list[str] = []
    for keyword, wanted in schema.items():
        match keyword:
            case "$ref":
                found += problems(value, definitions[wanted.removeprefix("#/$defs/")], definitions, at)
            case "oneOf":
                attempts = [problems(value, option, definitions, at) for option in wanted]
                found += [] if attempts.count([]) == 1 else [f"{at} fits not exactly one of: {attempts}"]
            case "type":
                names = [wanted] if isinstance(wanted, str) else wanted
                found += [] if any(_TYPES[name](value) for name in names) else [f"{at} is not of type {wanted}: {value!r}"]
            case "enum" | "const":
                allowed = wanted if keyword == "enum" else [wanted]
                found += [] if value in allowed else [f"{at} is none of {allowed}: {value!r}"]
            case "minimum":
                found += [f"{at} is less than {wanted}"] if isinstance(value, int | float) and value < wanted else []
            case "maxItems":
                found += [f"{at} has more than {wanted} items"] if isinstance(value, list) and len(value) > wanted else []
            case "items":
                for number, item in enumerate(value if isinstance(value, list) else []):
                    found += problems(item, wanted, definitions, f"{at}[{number}]")
            case "required":
                found += [f"{at} lacks {name}" for name in wanted if isinstance(value, dict) and name not in value]
            case "properties" | "additionalProperties":
                continue
            case _ if keyword not in _NOTES:
                raise LookupError(keyword)
    return found + (_member_problems(value, schema, definitions, at) if isinstance(value, dict) else [])


def _member_problems(value: dict[str, object], schema: Schema, definitions: Mapping[str, Schema], at: str) -> list[str]:
    found: list[str] = []
    others = schema.get("additionalProperties", True)
    for name, member in value.items():
        if name in schema.get("properties", {}):
            found += problems(member, schema["properties"][name], definitions, f"{at}.{name}")
        elif others is False:
            found.append(f"{at} has a member {name} that it should not have")
        elif isinstance(others, dict):
            found += problems(member, others, definitions, f"{at}.{name}")
    return found
