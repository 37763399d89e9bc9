"""Opening a database, its transactions and its locks."""

import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, Literal, overload

from git_keyval.database.answers import said
from git_keyval.dispatch.steps import Session
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import ConditionNotMetError, GitKeyvalError
from git_keyval.format.values import parse_value
from git_keyval.interface.commands import COMMANDS, OF_DATABASE, Signature
from git_keyval.interface.inputs import INPUTS, REQUIRED, Inputs
from git_keyval.interface.parsing import check_together, refuse_unencrypted
from git_keyval.library.arguments import Key, KeyType, Ref, Span, inputs_of
from git_keyval.library.methods import Commands, Jobs
from git_keyval.library.results import Result
from git_keyval.library.wording import as_arguments, speaking_of_arguments
from git_keyval.process import surroundings
from git_keyval.progress import silent

if TYPE_CHECKING:
    from git_keyval.transfer.report import ExportReport

__all__ = ["Database", "Ref", "Result", "Transaction", "open"]


def open(repository: str | os.PathLike[str], **options: object) -> "Database":  # as users call it
    """Return the database in a repository: a path, a git URL, or ``owner/name`` on GitHub, which needs a ``token``.

    The options are the inputs of a step that are about the database as a whole (docs/library.md), such as ``token``,
    ``encryption_key`` or ``follow_writes``. Nothing is read before the first command. Raises InputError.
    """
    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    parsed: dict[str, object] = {"repository": os.fspath(repository)}
    with speaking_of_arguments():
        for name, value in given.items():
            if name not in OF_DATABASE:
                raise TypeError(f"open() has no option {name.replace('-', '_')!r}")
            parsed[name] = INPUTS[name].read(str(value).lower() if isinstance(value, bool) else str(value))
        check_together(COMMANDS["keys"], parsed)
    return Database(Inputs(parsed), surroundings(os.environ, silent, lambda text: warnings.warn(text, stacklevel=2)))


class Database(Commands, Jobs):
    """A database. Its methods are the commands; each is one transaction. It may be used by several threads."""

    def __init__(self, inputs: Inputs, outside: Surroundings) -> None:
        """Work on what the inputs name."""
        self._inputs = inputs
        self._outside = outside
        self._local = threading.local()

    @overload
    def keys(
        self, pattern: str = "*", *, type: KeyType | Sequence[KeyType] | None = None, with_types: Literal[False] = False
    ) -> Iterator[str]: ...
    @overload
    def keys(
        self, pattern: str = "*", *, type: KeyType | Sequence[KeyType] | None = None, with_types: Literal[True]
    ) -> Iterator[tuple[str, KeyType]]: ...
    def keys(
        self, pattern: str = "*", *, type: KeyType | Sequence[KeyType] | None = None, with_types: bool = False
    ) -> Iterator[str] | Iterator[tuple[str, KeyType]]:
        """Yield the stored keys whose names match a pattern (``*``, ``?``, ``[...]``), sorted; of one type, or of any of several.

        With ``with_types`` each comes with its type.
        """
        result: Result[list[Any]] = self._run("keys", key=pattern, type=type, with_types=with_types or None)
        return ((each["key"], each["type"]) for each in result.value) if with_types else iter(result.value)

    @overload
    def ls(
        self,
        pattern: str = "*",
        *,
        type: KeyType | Sequence[KeyType] | None = None,
        expires_within: Span | None = None,
        expired: bool = False,
        names_from: str | None = None,
        long: Literal[False] = False,
    ) -> Iterator[str]: ...
    @overload
    def ls(
        self,
        pattern: str = "*",
        *,
        type: KeyType | Sequence[KeyType] | None = None,
        expires_within: Span | None = None,
        expired: bool = False,
        names_from: str | None = None,
        long: Literal[True],
    ) -> Iterator[dict[str, Any]]: ...
    def ls(
        self,
        pattern: str = "*",
        *,
        type: KeyType | Sequence[KeyType] | None = None,
        expires_within: Span | None = None,
        expired: bool = False,
        names_from: str | None = None,
        long: bool = False,
    ) -> Iterator[Any]:
        """Yield everything there is, sorted: the names of keys, or their ids where they have none; with ``long`` a dict for each.

        Of one type, or of any of several; those that end within a time; those that have ``expired``, instead of those that live.
        ``names_from`` is a file of names, one a line, of keys whose names are not stored.
        """
        chosen = {"type": type, "expires_within": expires_within, "names_from": names_from}
        result: Result[list[Any]] = self._run("ls", key=pattern, expired=expired or None, long=long or None, **chosen)
        return iter(result.value)

    def export(self, *, names: Iterable[str] = ()) -> Iterator[bytes]:
        """Yield the lines of an export of the whole database, each with its line feed (docs/export.md).

        ``names`` are those of keys whose names are not stored; without them these keys go by their ids.
        Nothing is read before the first is asked for. Raises KeysLeftOutError after the last line if there are keys that cannot be
        read and so are not in it.
        """
        from git_keyval.dispatch.transfers import Transfer  # noqa: PLC0415  # few programs need it

        ends: list[ExportReport] = []
        with speaking_of_arguments():
            transfer = Transfer(self._inputs, self._outside)
            known = {transfer.cipher.key(parse_value("String", name)).key_id: name for name in names}
            yield from transfer.lines(ends.append, known)
            if ends[0].failure is not None:
                raise ends[0].failure

    @speaking_of_arguments()
    def import_(
        self, lines: Iterable[bytes], *, if_exists: Literal["fail", "skip", "overwrite"] = "fail", dry_run: bool = False
    ) -> Result[dict[str, Any]]:
        """Write the keys of an export, once all of its lines are read and checked; the value of the result is a report.

        Raises InputError for a line that is none of an export, KeysExistError for keys that exist and hold something else (both
        before anything is written), and KeysChangedError for keys that rivals wrote meanwhile.
        """
        from tempfile import TemporaryFile  # noqa: PLC0415  # slow to import, and few programs need it

        from git_keyval.dispatch.transfers import Transfer, outputs_of  # noqa: PLC0415

        transfer = Transfer(self._inputs.but(if_exists=if_exists, dry_run=dry_run), self._outside)
        with TemporaryFile() as file:
            file.writelines(lines)
            file.seek(0)
            report = transfer.read(file)
        if report.failure is not None:
            raise report.failure
        return Result(outputs_of(report, transfer.stores, self._outside))

    def watch(
        self, key: Key, *, field: str | None = None, interval: int | None = None, timeout: float = inf
    ) -> Iterator[Result[Any]]:
        """Yield what a key, or a field of a map, holds after each change, for ``timeout`` seconds; for good unless that is given.

        It is looked at every ``interval`` seconds or, unless given, after a second, then less and less often, up to 15 seconds. A
        server that cannot be reached for a while is asked again, with a warning.
        """
        from git_keyval.dispatch.watching import WAIT, changes  # noqa: PLC0415  # few programs watch

        with speaking_of_arguments():
            inputs = self.given(COMMANDS[WAIT], {"key": key, "field": field, "until": "changed"})
            yield from (Result(said(answer)) for answer in changes(inputs, self._outside, interval=interval, seconds=timeout))

    @contextmanager
    def transaction(self, *, required: bool = True, op_id: str | None = None) -> Iterator["Transaction"]:
        """Collect the commands of a block, and run them as one transaction at its end; an error in the block runs none.

        Their results can be read after the block. Raises ConditionNotMetError for a condition that is not met, unless it is not
        ``required``: then ``applied`` says so. With ``op_id`` it is done once, however often it is run.
        """
        transaction = Transaction(self)
        yield transaction
        transaction.commit(required=required, op_id=op_id)

    @contextmanager
    def lock(
        self, key: Key, *, ttl: Span, wait: Span = 0, owner: str | None = None, slots: int = 1, store_key: bool = False
    ) -> Iterator[Result[None]]:
        """Hold a lock, or one of its ``slots``, within a block, by a lease of ``ttl``; wait for it, and release it at the end.

        Raises LockHeldError if another owner has it, and LockLostError if the lease was over before the end of the block.
        """
        name = owner or self._outside.new_op()
        held: Result[None] = self._run("lock", key=key, ttl=ttl, wait=wait, owner=name, slots=slots, store_key=store_key)
        try:
            yield held
        finally:
            self.unlock(key, owner=held.owner or "", slots=slots)

    def session(self) -> Session:
        """Return what this thread works with: the connections that it keeps from one command to the next."""
        if not hasattr(self._local, "session"):
            self._local.session = Session(self._inputs, self._outside)
        session: Session = self._local.session
        return session

    @speaking_of_arguments()
    def given(self, command: Signature, arguments: Mapping[str, object]) -> Inputs:
        """Return the inputs of a command: those of the database, and what its method was given. Raises InputError."""
        parsed = inputs_of(command, arguments)
        if self._inputs.encryption == REQUIRED:
            refuse_unencrypted(command, parsed)
        return Inputs(parsed).over(self._inputs.parsed)

    @speaking_of_arguments()
    def _run(self, name: str, default: object = None, **arguments: object) -> Result[Any]:
        command = COMMANDS[name]
        inputs = self.given(command, arguments)
        if command.maintains:
            return Result(self._maintained(command, inputs))
        session = self.session()
        answer = session.run(command, session.bind(command, inputs), inputs)
        if answer.warning:
            warnings.warn(as_arguments(answer.warning), stacklevel=4)
        if answer.failure is not None:
            raise answer.failure
        return Result(said(answer), default)

    def _maintained(self, command: Signature, inputs: Inputs) -> Mapping[str, Any]:
        from git_keyval.dispatch.upkeep import run_maintenance  # noqa: PLC0415  # slow to import, and few programs need it
        from git_keyval.dispatch.worklist import worklist  # noqa: PLC0415
        from git_keyval.maintenance.report import InitReport, to_json  # noqa: PLC0415

        (done, *_) = run_maintenance(command, worklist(command, inputs, None, "", self._outside.environ), self._outside)
        if isinstance(done.report, GitKeyvalError):
            raise done.report
        if isinstance(done.report, InitReport):
            return {"applied": bool(done.report.created), "count": done.report.count}
        return {"count": done.report.count, "report": to_json(done.report)}


class Transaction(Commands):
    """The commands of a transaction; what they answer can be read once it is done."""

    def __init__(self, database: Database) -> None:
        """Collect commands for this database."""
        self._database = database
        self._begun: list[tuple[Signature, Inputs, Result[Any]]] = []
        self.applied: bool | None = None
        """Whether all was written; None before the end."""
        self.failed = ""
        """Which command has a condition that is not met, by its place, counted from 1."""

    @speaking_of_arguments()
    def commit(self, *, required: bool, op_id: str | None) -> None:
        """Run the commands. Raises what they raise, and ConditionNotMetError if all of them are ``required``."""
        from git_keyval.commands.transactions import Item  # noqa: PLC0415  # not every program has transactions
        from git_keyval.dispatch.batches import as_one  # noqa: PLC0415

        session, batch = self._database.session(), COMMANDS["batch"]
        bound = enumerate(((session.bind(command, inputs), command) for command, inputs, _ in self._begun), start=1)
        items = as_one([Item(str(place), one.form(), command.outputs) for place, (one, command) in bound])
        inputs = self._database.given(batch, {"commands": "[{}]", "op_id": op_id})
        empty = session.bind(batch, inputs.but(commands=[]))
        answer = said(session.run(batch, empty.but(items=items), inputs)) if items else {"applied": True, "results": {}}
        self.applied, self.failed = answer["applied"] is True, str(answer.get("failed", ""))
        if required and not self.applied:
            raise ConditionNotMetError(self.failed)
        results = answer["results"]
        assert isinstance(results, dict)
        for place, (_, _, result) in enumerate(self._begun, start=1):
            members = results[str(place)]
            assert isinstance(members, dict)
            result.done(members)

    def _run(self, name: str, default: object = None, **arguments: object) -> Result[Any]:
        command = COMMANDS[name]
        result: Result[Any] = Result(default=default)
        self._begun.append((command, self._database.given(command, arguments), result))
        return result
