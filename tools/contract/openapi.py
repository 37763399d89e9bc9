"""GitHub's published description of its REST API: which operation a request is, and what its body and answers may be."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import FormatChecker, ValidationError
from jsonschema.validators import extend
from openapi_schema_validator import OAS30ReadValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tools.contract.exchanges import Json
from tools.contract.members import unknown_members

_DOCUMENT = "urn:github"
_FORMATS = FormatChecker(("date-time", "uri"))
# These parameters may hold slashes; all others are one segment of the path.
_LONG_PARAMETERS = frozenset({"ref", "path", "tree_sha"})
# Only the words of its documentation say that the last parameter may be left out.
_OPTIONAL_LAST = frozenset({"/repos/{owner}/{repo}/git/matching-refs/{ref}"})
_METHODS = {"HEAD": "get"}
_NUMBERED = re.compile(r"/repositories/\d+")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API, with its part of the description."""

    method: str
    path: str
    content: Json

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> frozenset[str]:
        """Return the names of the documented query parameters."""
        return frozenset(one["name"] for one in self.content.get("parameters", ()) if one.get("in") == "query")

    @property
    def description(self) -> str:
        """Return the documentation."""
        return str(self.content.get("description", ""))


def _any_of(validator: Json, schemas: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """Read ``anyOf`` and ``oneOf`` as GitHub means them.

    It writes ``nullable`` beside them, without the ``type`` that OpenAPI wants there; and ``oneOf`` for kinds of errors of which
    the one allows whatever the other does, so that nothing would fit exactly one.
    """
    if not (instance is None and schema.get("nullable")):
        yield from OAS30ReadValidator.VALIDATORS["anyOf"](validator, schemas, instance, schema)


_Validator: Any = extend(OAS30ReadValidator, {"anyOf": _any_of, "oneOf": _any_of})  # type: ignore[no-untyped-call]


class Description:
    """The whole description."""

    def __init__(self, document: Json) -> None:
        """Take the parsed document."""
        self._document = document
        resource = Resource.from_contents({"id": _DOCUMENT, **document}, default_specification=DRAFT4)
        self._registry = Registry().with_resource(_DOCUMENT, resource)

    @classmethod
    def read(cls, path: Path) -> "Description":
        """Read a file."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def operation(self, method: str, path: str) -> Operation | None:
        """Find the operation of a request, by an unquoted path below the root of the API; of several the most literal one.

        ``/repositories/NUMBER``, where GitHub's redirections lead, is not published and stands for ``/repos/OWNER/NAME``.
        """
        path = _NUMBERED.sub("/repos/o/r", path, count=1)
        verb = _METHODS.get(method, method.lower())
        for template, pattern in self._patterns:
            if pattern.fullmatch(path) and verb in self._document["paths"][template]:
                return Operation(verb, template, self.resolve(self._document["paths"][template][verb]))
        return None

    def response(self, operation: Operation, status: int) -> Json | None:
        """Return what is said of an answer with this status; None if such is not documented."""
        found = operation.content["responses"].get(str(status))
        return None if found is None else self.resolve(found)

    def schema(self, name: str) -> Json:
        """Return a named schema."""
        return {"$ref": f"#/components/schemas/{name}"}

    def resolve(self, content: Json) -> Json:
        """Follow a reference, if it is one; and those of an operation's parameters."""
        while "$ref" in content:
            *way, last = content["$ref"].removeprefix("#/").split("/")
            at = self._document
            for name in way:
                at = at[name]
            content = at[last]
        if "parameters" in content and "responses" in content:
            content = {**content, "parameters": [self.resolve(one) for one in content["parameters"]]}
        return content

    def problems(self, schema: Json, instance: Json) -> Iterator[str]:
        """Return what of an instance does not fit a schema, and which of its members the schema does not know."""
        validator = _Validator(_absolute(schema), registry=self._registry, format_checker=_FORMATS)
        for error in validator.iter_errors(instance):
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
            yield f"{where.lstrip('.') or 'the whole'}: {error.message[:300]}"
        for member in sorted(set(unknown_members(schema, instance, self.resolve))):
            yield f"{member}: GitHub documents no such member"

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        templates = sorted(self._document["paths"], key=lambda path: (path.count("{"), -len(path)))
        return [(template, re.compile(_pattern(template))) for template in templates]


def _pattern(template: str) -> str:
    parts = re.split(r"\{([^}]*)\}", template)
    some = ".*" if template in _OPTIONAL_LAST else ".+"
    return "".join((some if part in _LONG_PARAMETERS else "[^/]+") if at % 2 else re.escape(part) for at, part in enumerate(parts))


def _absolute(schema: Json) -> Json:
    """Make the references of a schema lead to the registered document, wherever the schema is taken from."""
    if isinstance(schema, dict):
        return {
            key: f"{_DOCUMENT}{value}" if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema
