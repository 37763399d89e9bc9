"""The JSON Schema of the config file, for editors, from the tables that its reader has.

Draft 7, because that is what editors' YAML support reads best. It cannot say everything: how long a duration may be, and that no
repository is listed twice in two ways, are left to the reader (git_keyval.interface.config).
"""

from git_keyval.format.canonical import JsonValue
from git_keyval.format.times import DURATION_PATTERN
from git_keyval.interface.config import JOB_SETTINGS, REPOSITORIES, REPOSITORY, REPOSITORY_PATTERN, SETTINGS
from git_keyval.interface.forms import Duration, Flag, OneOf, OwnerAndName, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input

_JOBS = {
    "gather": "Settings of gather, which folds counter breadcrumbs into their counters.",
    "sweep": "Settings of sweep, which removes expired keys.",
    "purge": "Settings of purge, which deletes what getdel parked.",
}


URL = "https://raw.githubusercontent.com/org/git-keyval-action/main/docs/config.schema.json"
"""Where editors find the schema. ``org`` is a placeholder, as it is everywhere."""


def catalogue_entry() -> dict[str, JsonValue]:
    """Return the entry for the catalogue of https://www.schemastore.org, which points to schemas that are kept elsewhere."""
    return {
        "name": "git-keyval",
        "description": "The config file of git-keyval's maintenance",
        "fileMatch": ["**/.github/git-keyval.yml"],
        "url": URL,
    }


def config_schema() -> dict[str, JsonValue]:
    """Return the schema."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": URL,
        "title": "The config file of git-keyval's maintenance, .github/git-keyval.yml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            REPOSITORIES: {
                "description": "The databases to maintain, one after the other. Without it, the workflow's own repository.",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"anyOf": [_repository(), _listed()]},
            },
            **_settings(),
        },
    }


def _listed() -> dict[str, JsonValue]:
    return {
        "description": "A database with settings of its own, which beat those for all.",
        "type": "object",
        "additionalProperties": False,
        "required": [REPOSITORY],
        "properties": {REPOSITORY: _repository(), **_settings()},
    }


def _repository() -> dict[str, JsonValue]:
    return {"description": f"{_accepts(INPUTS[REPOSITORY])}", "type": "string", "pattern": REPOSITORY_PATTERN}


def _settings() -> dict[str, JsonValue]:
    return {**{name: _setting(INPUTS[name]) for name in SETTINGS}, **{job: _job(job, about) for job, about in _JOBS.items()}}


def _job(job: str, about: str) -> dict[str, JsonValue]:
    properties: dict[str, JsonValue] = {name: _setting(INPUTS[name]) for name in JOB_SETTINGS[job]}
    return {"description": about, "type": "object", "additionalProperties": False, "properties": properties}


def _setting(item: Input[object]) -> dict[str, JsonValue]:
    schema: dict[str, JsonValue] = {"description": f"{item.description} {_accepts(item)}", **_form(item)}
    if item.default:
        schema["default"] = item.parse(item.default) is True if isinstance(item.parse, Flag) else item.default
    return schema


def _form(item: Input[object]) -> dict[str, JsonValue]:
    match item.parse:
        case WholeNumber(lowest, highest):
            return {"type": "integer", "minimum": lowest, "maximum": highest}
        case OneOf(words):
            return {"type": "string", "enum": list(words)}
        case OwnerAndName(pattern):
            return {"type": "string", "pattern": f"^{pattern}$"}
        case Duration():
            return {"type": "string", "pattern": f"^(?:{DURATION_PATTERN})$"}
    if not isinstance(item.parse, Flag):
        raise TypeError(f"how does a schema say what '{item.name}' takes?")
    return {"type": "boolean"}


def _accepts(item: Input[object]) -> str:
    return f"Takes {item.accepted}."
