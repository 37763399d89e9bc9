"""Running one command of step mode, and its answer as outputs: the same for the runner and the terminal."""

import json
from collections.abc import Callable, Mapping

from git_keyval.database.answers import Answer, Delivered, json_value, said, shown_value
from git_keyval.database.command import Bound, Command
from git_keyval.database.database import DEFAULT_MAX_ATTEMPTS, Database
from git_keyval.database.perform import perform
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.layout import layout_of, shard_length_of
from git_keyval.dispatch.location import cdn_of_server, git_address
from git_keyval.dispatch.opening import Stores, cipher_of
from git_keyval.dispatch.routing import Place, Policy, Routes, joined
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, KeyMissingError
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.links import value_link
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, Naming
from git_keyval.format.values import Value
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs
from git_keyval.light_dataclasses import replace


class Session:
    """A database as the inputs name it, open for one command after the other."""

    def __init__(self, inputs: Inputs, surroundings: Surroundings) -> None:
        """Read the encryption keys; nothing is opened before it is needed. Raises InputError."""
        self.stores = Stores(inputs, surroundings)
        self._surroundings = surroundings
        self._cipher = cipher_of(inputs, surroundings)

    def bind(self, command: Signature, inputs: Inputs) -> Bound:
        """Return a command with its fields. Raises InputError."""
        assert issubclass(command.kind, Command)
        return bind(command.kind, inputs, self._surroundings, self._cipher)

    def run(
        self,
        command: Signature,
        bound: Bound,
        inputs: Inputs,
        prepare_delivery: Callable[[Delivered], None] = lambda _value: None,
    ) -> Answer:
        """Run a command that was bound to its inputs, and return its answer. Raises GitKeyvalError.

        ``prepare_delivery`` makes ready to hand a value on, and raises if that cannot be; it is called before such a value is taken
        away, and once more with another value if a rival was faster. An error advises only inputs that the command takes; with
        ``on-missing: fail`` a missing key is the ``failure`` of the answer.
        """
        try:
            answer = self._route(command, bound, inputs, prepare_delivery)
        except GitKeyvalError as exc:
            advised(exc, command)
            raise
        is_missing = answer.found is False and inputs.on_missing == "fail"
        failure = KeyMissingError(command.kind.subject) if is_missing else answer.failure
        return replace(answer, failure=failure and advised(failure, command))

    def _route(self, command: Signature, bound: Bound, inputs: Inputs, prepare_delivery: Callable[[Delivered], None]) -> Answer:
        layout = layout_of(inputs.repository or "", inputs)
        # What takes no shard length names no ref: it lists them, and their names say how long it is.
        shard_length = shard_length_of(inputs, layout) if "shard-length" in command.inputs else DEFAULT_SHARD_LENGTH
        server = self._surroundings.server

        def database(place: Place) -> Database:
            return replace(
                self.stores.database(place.repository),
                naming=Naming(place.shard_length),
                granularity=inputs.expiry_granularity or DEFAULT_GRANULARITY,
                max_attempts=inputs.max_attempts or DEFAULT_MAX_ATTEMPTS,
                prepare_delivery=prepare_delivery,
                address=git_address(place.repository, server),
                cipher=self._cipher,
            )

        policy = Policy(server, inputs.redirect_allow, follows="applied" not in command.outputs or bool(inputs.follow_writes))
        routes = Routes(policy, lambda key_id: Place(layout.of_key(key_id), shard_length), database)
        if bound.keys_used:
            return routes.run(bound)
        return joined([perform(database(Place(name, shard_length)), bound) for name in layout.all()], [])


def run_command(
    command: Signature, inputs: Inputs, surroundings: Surroundings, *, prepare_delivery: Callable[[Delivered], None]
) -> tuple[Answer, dict[str, str]]:
    """Run a command as ``Session`` does, on its own; return its answer, and its outputs as text. Raises GitKeyvalError."""
    session = Session(inputs, surroundings)
    bound = session.bind(command, inputs)
    answer = session.run(command, bound, inputs, prepare_delivery)
    stores = session.stores
    members = {"url": _link(answer, bound, surroundings), "requests-used": stores.requests, "rate-remaining": stores.rate_remaining}
    return answer, as_outputs(command, {**said(answer), **members})


def as_outputs(command: Signature, members: Mapping[str, object]) -> dict[str, str]:
    """Return the outputs of a command as text; None is no output, but in ``json``."""
    return {
        name: value if isinstance(value, str) and name != "json" else _json(value)
        for name, value in members.items()
        if name in command.outputs and (value is not None or name == "json")
    }


def value_outputs(value: Delivered) -> dict[str, str]:
    """Return the outputs that hold what is handed over."""
    if isinstance(value, dict):
        return {"results": _json(value)}
    return {"value": shown_value(value), "json": _json(json_value(value))}


def value_bytes(value: Delivered) -> bytes:
    """Return the bytes of what is handed over, for a file."""
    return value.data if isinstance(value, Value) else _json(value).encode()


def _link(answer: Answer, command: Bound, surroundings: Surroundings) -> str | None:
    """Return the CDN link of the value that was read or written; None where a CDN does not serve it, or nobody knows."""
    value = vars(command).get("value") if answer.value is None else answer.value
    cdn = cdn_of_server(surroundings.environ)
    is_element = vars(command).get("field") is not None
    if cdn is None or answer.public_name is None or answer.version is None or not isinstance(value, Value) or is_element:
        return None
    return value_link(cdn, answer.public_name, answer.version, value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
