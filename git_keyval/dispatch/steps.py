"""Running one command of step mode, and its answer as outputs: the same for the runner and the terminal."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import cast

from git_keyval.database.answers import NO_KEY, Result
from git_keyval.database.database import DEFAULT_MAX_ATTEMPTS, Database
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.encryption import cipher_of
from git_keyval.dispatch.layout import layout_of, shard_length_of
from git_keyval.dispatch.location import GithubServer, cdn_of_server, git_address
from git_keyval.dispatch.opening import Stores, resolver_of
from git_keyval.dispatch.routing import Place, Policy, Routes, Run, joined, keys_of
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, KeyMissingError
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.links import value_link
from git_keyval.format.names import Naming
from git_keyval.format.times import iso_utc
from git_keyval.format.values import Value, as_json, as_text
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import Command


def run_command(
    command: Command,
    inputs: Mapping[str, object],
    surroundings: Surroundings,
    *,
    prepare_delivery: Callable[[Value | int], None],
) -> tuple[Result, dict[str, str]]:
    """Run a command with its parsed inputs; give its result, and its outputs as text. Raises GitKeyvalError.

    ``prepare_delivery`` makes ready to hand a value on, and raises if that cannot be; it is called before such a value is taken
    away, and once more with another value if a rival was faster. An error advises only inputs that the command takes; with
    ``on-missing: fail`` a missing key is the ``failure`` of the result.
    """
    try:
        result, outputs = _run(command, inputs, surroundings, prepare_delivery)
    except GitKeyvalError as exc:
        advised(exc, command, inputs)
        raise
    is_missing = result.found is False and inputs.get("on-missing") == "fail"
    failure = KeyMissingError(command.subject) if is_missing else result.failure
    return replace(result, failure=failure and advised(failure, command, inputs)), outputs


def _run(
    command: Command, inputs: Mapping[str, object], surroundings: Surroundings, prepare_delivery: Callable[[Value | int], None]
) -> tuple[Result, dict[str, str]]:
    cipher = cipher_of(inputs, surroundings)
    arguments = bind(command, inputs, surroundings, cipher)
    layout = layout_of(str(inputs.get("repository", "")), inputs)
    shard_length = shard_length_of(inputs, layout)
    stores = Stores(inputs, surroundings)
    function: Run = getattr(import_module(command.module), command.attribute)
    resolve = resolver_of(inputs, surroundings)
    server = GithubServer.of(surroundings.environ)
    keys = keys_of(arguments)

    def database(place: Place) -> Database:
        return Database(
            stores.of(place.repository),
            sleep=surroundings.sleep,
            random=surroundings.random,
            new_op=surroundings.new_op,
            naming=Naming(place.shard_length),
            granularity=cast("int", inputs.get("expiry-granularity", DEFAULT_GRANULARITY)),
            max_attempts=cast("int", inputs.get("max-attempts", DEFAULT_MAX_ATTEMPTS)),
            prepare_delivery=prepare_delivery,
            address=git_address(place.repository, server),
            cipher=cipher,
            progress=surroundings.progress,
            held_at_target=lambda key_ids: routes.held([key for key in keys if key.id in key_ids], arguments),
            resolve=resolve,
        )

    policy = Policy.of(inputs, server, writing="applied" in command.outputs)
    routes = Routes(policy, lambda key_id: Place(layout.of_key(key_id), shard_length), database)
    if keys:
        result = routes.run(function, arguments)
    else:
        result = joined([function(database(Place(name, shard_length)), **arguments) for name in layout.all()], [])
    told = {
        **_told(result),
        "url": _link(result, arguments, surroundings),
        "requests-used": stores.requests,
        "rate-remaining": stores.rate_remaining,
    }
    return result, as_outputs(command, told)


def as_outputs(command: Command, told: Mapping[str, object]) -> dict[str, str]:
    """Give as text what a command has to tell and its outputs name; None is nothing to tell."""
    return {name: _text(value) for name, value in told.items() if name in command.outputs and value is not None}


def shown_value(value: Value | int) -> str:
    """Give a value as the output ``value`` shows it."""
    return str(value) if isinstance(value, int) else as_text(value)


def value_outputs(value: Value | int) -> dict[str, str]:
    """Give the outputs that hold a value."""
    return {"value": shown_value(value), "json": _json(value if isinstance(value, int) else as_json(value))}


def value_bytes(value: Value | int) -> bytes:
    """Give the bytes of a value, for a file."""
    return str(value).encode() if isinstance(value, int) else value.data


def _told(result: Result) -> dict[str, object]:
    told: dict[str, object] = {
        "found": result.found,
        "applied": result.applied,
        "type": result.type,
        "version": result.version,
        "ttl": NO_KEY if result.found is False and result.ttl is None else result.ttl,
        "pending": result.pending,
        "count": result.count,
        "owner": result.owner,
        "fence": result.fence,
        "json": result.document,
    }
    if result.value is not None:
        told |= value_outputs(result.value)
    if result.old_value is not None:
        told["old-value"] = shown_value(result.old_value)
    if result.expires_at is not None:
        told["expires-at"] = iso_utc(result.expires_at)
    return told


def _link(result: Result, arguments: Mapping[str, object], surroundings: Surroundings) -> str | None:
    """Give the CDN link of the value that was read or written; None where a CDN does not serve it, or nobody knows."""
    value = arguments.get("value") if result.value is None else result.value
    cdn = cdn_of_server(surroundings.environ)
    if cdn is None or result.public_name is None or result.version is None or not isinstance(value, Value):
        return None
    return value_link(cdn, result.public_name, result.version, value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value) if isinstance(value, Mapping | list) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
