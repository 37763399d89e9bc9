"""Performing a command: read, decide, write, and again if a rival was faster. The only loop over a write, and the only pause."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Generic, TypeVar

from git_keyval.database.anchors import assertion_of
from git_keyval.database.answers import Answer
from git_keyval.database.command import Change, Command, Decision, Doubt, Each, Moment, Parked, UnreadError, View, Wait
from git_keyval.database.database import Database
from git_keyval.database.lifetimes import given_at, ttl_of
from git_keyval.database.reading import KeyReads
from git_keyval.database.writing import End, Write, in_doubt, write_each
from git_keyval.errors import (
    ContentionError,
    GitKeyvalError,
    OutcomeUnknownError,
    PartlyDeletedError,
    RedirectedError,
    RefusedError,
    StoreError,
    TooLargeError,
)
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import Applied, Conflict, Depth, Selection, Snapshot, Transaction, Unknown

V = TypeVar("V", bound=View)


def perform(database: Database, command: Command[V]) -> Answer:
    """Perform a command, and return its answer; ``ttl`` in it is what is left by now.

    Raises what the command and its reads raise; ContentionError where rivals were faster each time; OutcomeUnknownError where a
    reply was lost and nothing shows what became of the write; PartlyDeletedError where an error ends a command of several keys of
    which some are gone already.
    """
    return given(database, Performance(database, command.form()).run())


def given(database: Database, answer: Answer) -> Answer:
    """Return an answer as it is given now."""
    return replace(given_at(answer, database.now()), public_name=database.store.public_name)


class Performance(Generic[V]):
    """One command on its way to its answer. ``decide`` reads and ``follow`` writes, in turn; all in between is a value."""

    def __init__(self, database: Database, command: Command[V]) -> None:
        now = database.now()
        self._database = database
        self._command = command
        self._moment = Moment(
            now=now,
            begun=now,
            op=database.new_op(),
            naming=database.naming,
            granularity=database.granularity,
            cipher=database.cipher,
            data=cache(database.cipher.data),
            round_trip=database.store.capabilities.round_trip,
        )
        self._view: V | None = None
        self._attempt = 0
        self._changed_keys = 0
        self._waited: Wait | None = None
        self._late: GitKeyvalError | None = None

    def run(self) -> Answer:
        """Perform the command, and return its answer."""
        self._command.validate(self._moment)
        change = self._command.blind_write(self._moment)
        if change is not None and isinstance(change.answer, Answer) and self._wrote_blindly(change.transaction):
            return change.answer
        return self._until_done(self.decide)

    def plans(self) -> Sequence[Oid]:
        """Return what the command will most likely store; nothing for inputs that make no sense now, as its decision will say."""
        try:
            return self._command.plans(self._moment)
        except GitKeyvalError:
            return ()

    def decide_on(self, view: V) -> Decision:
        """Return the decision on what was read with others. Raises as the command does, also for inputs that make no sense now."""
        self._command.validate(self._moment)
        self._view = view
        self._moment = self._moment.but(now=self._database.now())
        return self._command.decide(view, self._moment)

    def go_on(self, decision: Decision, end: End | None) -> Answer:
        """Go on with a decision, which was written with others if it came to an ``end``, and return the answer."""
        if end is None:
            return self._until_done(lambda: self.follow(decision))
        assert isinstance(decision, Change)
        return self._until_done(lambda: self._left(self._concluded(decision, end)))

    def _until_done(self, begin: Callable[[], Decision | None]) -> Answer:
        try:
            return self._decide_until_done(begin)
        except GitKeyvalError as exc:
            if self._changed_keys:
                raise PartlyDeletedError(self._changed_keys, exc) from exc
            if self._waited is None or self._waited.meanwhile is None or not isinstance(exc, StoreError | RedirectedError):
                raise
            if isinstance(exc, StoreError):
                return replace(self._waited.meanwhile, warning=exc.text)
            return self._recalled(self._waited, exc)

    def _recalled(self, wait: Wait, exc: RedirectedError) -> Answer:
        """Take back what was left where the key lived before; raise the error then, and return the answer if it was gone."""
        match wait.recall and write_each(self._database, [Write(wait.recall, "nothing")]):
            case [Applied()]:
                raise exc
            case [Conflict()] if wait.if_gone is not None:
                return wait.if_gone
        raise OutcomeUnknownError("the key was redirected meanwhile") from exc

    def _wrote_blindly(self, transaction: Transaction) -> bool:
        """Write over what was not read, and return whether it was applied; if not, it has to be read first."""
        asserting = replace(transaction, updates=(*transaction.updates, assertion_of(self._database.cipher)))
        (end,) = write_each(self._database, [Write(asserting)])
        # A rule for tags may forbid to assert one; what is refused for any other reason is refused once more.
        if isinstance(end, GitKeyvalError) and (isinstance(end, TooLargeError) or not isinstance(end, RefusedError)):
            raise end
        return isinstance(end, Applied)

    def _decide_until_done(self, begin: Callable[[], Decision | None]) -> Answer:
        following = begin()
        if isinstance(following, Answer):
            return following
        while self._attempt < self._database.max_attempts + self._command.forces:
            following = self.follow(following or self.decide())
            if isinstance(following, Answer):
                return following
        if self._moment.doubt is not None:
            raise OutcomeUnknownError(self._moment.doubt.cause)
        raise self._late or ContentionError(self._database.max_attempts)

    def follow(self, decision: Decision) -> Decision | None:
        """Do what was decided, and return what comes next without another decision; None if there has to be one."""
        match decision:
            case Answer():
                return decision
            case Change():
                self._late = decision.late
                return self._changed(decision)
            case Each():
                return self._changed_each(decision)
            case Wait():
                self._wait(decision)
                return None

    def decide(self) -> Decision:
        """Read, unless what was read is still of use, and return the command's decision."""
        if self._view is None:
            self._view = self._read(self._moment.doubt)
            self._moment = self._moment.but(now=self._database.now())
        is_last = self._attempt + 1 == self._database.max_attempts + self._command.forces
        while True:
            try:
                return self._command.decide(self._view, self._moment.but(is_last=is_last))
            except UnreadError as unread:
                self._view = self._view.extended(unread.more, unread.more.fetch(self._database))

    def _read(self, doubt: Doubt | None) -> V:
        if doubt is None:
            reads = self._command.reads()
            return (reads.but(planned=self.plans()) if isinstance(reads, KeyReads) else reads).fetch(self._database)
        with in_doubt(doubt.cause):
            return self._command.reads_in_doubt().fetch(self._database)

    def _changed(self, change: Change) -> Answer | Change | Wait | None:
        """Write a change, and return what comes next; None if there has to be another decision."""
        if change.is_done():
            return self._left(change.answer)
        if change.takes is not None:
            self._database.prepare_delivery(change.takes)
        assert self._view is not None
        (end,) = write_each(self._database, [Write(change.transaction, change.proof)], self._view.seen)
        return self._left(self._concluded(change, end))

    def _left(self, following: Answer | Change | Wait | None) -> Answer | Change | Wait | None:
        """Return what follows; unless it is a change on what was read, that is of no use any more."""
        if not isinstance(following, Change):
            self._view = None
        return following

    def _concluded(self, change: Change, end: End) -> Answer | Change | Wait | None:
        """Return what comes after a change that came to this end; None if there has to be another decision."""
        parked = " ".join(whereabouts(self._database.address, parked) for parked in change.parked)
        if isinstance(end, OutcomeUnknownError):
            raise OutcomeUnknownError(end.cause, parked) from end
        if isinstance(end, GitKeyvalError):
            raise end
        self._moment = self._moment.but(memory=change.memory, denied=isinstance(end, Conflict), doubt=self._doubt(change, end))
        if not isinstance(end, Applied):
            following = change.if_denied if isinstance(end, Conflict) else change.if_unknown
            if following is None:
                self._try_again()
            return following
        if not isinstance(change.answer, Answer):
            return change.answer
        if change.late is not None and ttl_of(change.answer.expires_at, self._database.now()) <= 0:
            self._attempt += 1
            return None
        return replace(change.answer, parked=parked)

    def _doubt(self, change: Change, end: End) -> Doubt | None:
        """Return what is not known after a change. A denial of what was sent before is not certain: that may have come through."""
        before = self._moment.doubt
        if isinstance(end, Unknown):
            return Doubt(end.cause, change) if change.if_unknown is None else None
        if isinstance(end, Conflict) and before is not None and before.change.transaction is change.transaction:
            return before._replace(denied=True)
        return None

    def _changed_each(self, each: Each) -> Answer | None:
        assert self._view is not None
        writes = [Write(transaction) for transaction in (*each.transactions.values(), *each.leftovers)]
        ends = write_each(self._database, writes, self._view.seen) if writes else []
        of_keys = dict(zip(each.transactions, ends, strict=False))
        self._changed_keys += sum(isinstance(end, Applied) for end in of_keys.values())
        _raise_gravest(ends)
        denied = [key_id for key_id, end in of_keys.items() if isinstance(end, Conflict)]
        if not denied:
            return Answer(applied=self._changed_keys > 0, count=self._changed_keys)
        self._command = self._command.about(denied)
        self._view = None
        self._try_again()
        return None

    def _try_again(self) -> None:
        self._database.pause(self._attempt)
        self._attempt += 1

    def _wait(self, wait: Wait) -> None:
        if wait.progress is not None:
            self._database.progress(*wait.progress)
        chance = self._database.random() ** (1 / wait.late)
        self._database.sleep(min(wait.most, wait.seconds * (1 - wait.spread + wait.spread * chance)))
        self._attempt = 0
        self._waited = wait
        view = self._view if self._view is not None and self._is_unchanged(self._view.seen, wait.watched) else None
        now = self._database.now()
        self._view = None if view is None else view.at(now)
        self._moment = self._moment.but(now=now, memory=wait.memory)

    def _is_unchanged(self, seen: Snapshot, watched: Selection) -> bool:
        if watched == Selection():
            return False
        refs = self._database.store.read(watched, depth=Depth.OIDS).refs
        return watched.of(refs) == watched.of(seen.refs)


def _raise_gravest(ends: Sequence[End]) -> None:
    """Raise what went wrong, if anything did; an error that says that nothing was written must not hide that nobody knows."""
    errors = [end for end in ends if isinstance(end, GitKeyvalError)]
    if errors:
        raise next((error for error in errors if isinstance(error, OutcomeUnknownError)), errors[0])


def whereabouts(address: str, parked: Parked) -> str:
    """Return for people where something was parked, with commands that fetch it and put back the value of a key.

    The latter fails if the key exists again: it would not be a fast-forward.
    """
    from shlex import quote  # noqa: PLC0415  # only where there is an answer to lose

    branch = parked.name.removeprefix("refs/heads/")
    fetch = f"git clone --quiet --single-branch --branch {branch} {quote(address)} parked && ls parked"
    back = f". To put it back then: git -C parked push origin HEAD:{parked.value}" if parked.value else ""
    return f"What was taken away is on the branch {branch} until purge. To see it: {fetch}{back}"
