"""Many independent transactions in few pushes.

All that can still be applied go into one atomic push. Before it is sent, the server's advertisement shows which transactions are
already in conflict. When the server refuses the push, nothing of it was applied: the next advertisement shows which refs moved
meanwhile, those transactions are in conflict, and the rest is sent again. So each round costs one push, and a race ends in the
second round.

A git server keeps that promise but for what it refuses before its transaction begins: where it misses objects, or hides a ref, it
still executes the other commands (so a repository with one broken ref deletes, and creates nothing). These are put back.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from git_keyval.errors import AtomicUnsupportedError, StoreError, TornWriteError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.git.conversation import Transport
from git_keyval.store.git.receive import ZERO_OID, Advertised, Command, Push, Report, push
from git_keyval.store.patience import Patience
from git_keyval.store.port import (
    ABSENT,
    ANY,
    DELETE,
    Applied,
    Conflict,
    Outcome,
    RefUpdate,
    Refused,
    Transaction,
    Unknown,
)

_MAX_ROUNDS: Final = 12
_UNSEEN_ROUNDS: Final = 3
"""After how many refusals for reasons that may pass deletions of what is not there are left out."""
# Refusals that no second attempt changes. Everything else git says about a ref ("failed to update ref", "cannot lock ref", …) can
# come from a rival's lock and is tried again.
_FINAL_REFUSAL = re.compile(
    r"hook declined|prohibited|denied|deny|protected|rule|non-fast-forward|checked out|hidden|funny refname|declined|permission"
    r"|missing necessary objects|quarantine|can not update more|shallow",
    re.IGNORECASE,
)
_COLLATERAL = re.compile(r"atomic (push failure|transaction failed)", re.IGNORECASE)
_NON_FAST_FORWARD = "non-fast-forward"


def settle(transport: Transport, transactions: Sequence[Transaction], patience: Patience, *, deletes_unseen: bool) -> list[Outcome]:
    """Apply the transactions, each all or nothing; one outcome each. A push that could not begin is begun again.

    With ``deletes_unseen`` the deletion of a ref that is not there is sent, too: git takes it for the deletion of whatever has
    come to be there meanwhile, so that a rival cannot slip in. Where a server or a hook of it refuses, it is left out.
    """
    round_ = _Round(transactions, deletes_unseen=deletes_unseen)
    for attempt in range(_MAX_ROUNDS):
        if attempt:
            patience.give_way(attempt)
        try:
            report = patience.repeat(partial(push, transport, round_.names(), round_.prepare))
        except StoreError as exc:
            if not round_.anything_sent:
                raise
            return round_.finish(str(exc))
        if report is not None:
            if report.torn:
                _put_back(transport, report)
            round_.take(report)
        if not round_.open:
            break
    return round_.finish("")


def _put_back(transport: Transport, report: Report) -> None:
    """Undo what the server did of a push that was to be all or nothing; refs that moved on since are left alone.

    Raises TornWriteError if the server refuses that, too.
    """

    def prepare(advertised: Advertised) -> Push | None:
        done = [command for command in report.torn if advertised.refs.get(command.name, ZERO_OID) == command.new]
        undo = [Command(command.name, command.new, command.old) for command in done]
        lines = "".join(f"update {command.name} {command.new} {command.old}\n" for command in undo)
        return Push(undo, (), atomic=True) if undo and not transport.update_refs(lines) else None

    reason = next(iter(report.refused.values()))
    try:
        undone = push(transport, frozenset(command.name for command in report.torn), prepare)
    except StoreError as exc:
        raise TornWriteError([(command.name, command.old) for command in report.torn], reason) from exc
    if undone is not None and (undone.state != "done" or undone.refused):
        raise TornWriteError([(command.name, command.old) for command in report.torn], reason)


class _Round:
    """The state between two pushes: which transactions are open, and what became of the others."""

    def __init__(self, transactions: Sequence[Transaction], *, deletes_unseen: bool) -> None:
        self._transactions = transactions
        self._deletes_unseen = deletes_unseen
        self._outcomes: dict[int, Outcome] = {}
        self.open = list(range(len(transactions)))
        self._sent: list[int] = []
        self._last_reason = ""
        self._sent_unseen = False
        self._refusals = 0
        self.anything_sent = False

    def names(self) -> frozenset[RefName]:
        """Give the refs whose present oid the next push must know."""
        return frozenset(update.name for index in self.open for update in self._transactions[index].updates)

    def prepare(self, advertised: Advertised) -> Push | None:
        """Decide by the advertisement what is in conflict, what is true already, and what to send."""
        self._sent = []
        commands: list[Command] = []
        for index in self.open:
            updates = self._transactions[index].updates
            if moved := tuple(update.name for update in updates if not _holds(update, advertised)):
                self._outcomes[index] = Conflict(moved)
            elif changes := _commands(updates, advertised, deletes_unseen=self._deletes_unseen):
                self._sent.append(index)
                commands += changes
            else:
                self._outcomes[index] = Applied()
        self.open = [index for index in self.open if index not in self._outcomes]
        if not self._sent:
            return None
        atomic = "atomic" in advertised.capabilities
        if not atomic and any(len(self._transactions[index].updates) > 1 for index in self._sent):
            raise AtomicUnsupportedError
        self._sent_unseen = any(_is_unseen(command) for command in commands)
        objects = [obj for index in self._sent for obj in self._transactions[index].objects]
        return Push(commands, objects, atomic)

    def take(self, report: Report) -> None:
        """Turn the server's report into outcomes; what may succeed in another round stays open."""
        self.anything_sent = True
        outcomes = {index: self._outcome(index, report) for index in self._sent}
        if self._sent_unseen and any(outcome is None or _is_refusal(outcome) for outcome in outcomes.values()):
            # What git takes, another server or a hook may not, and say so in words that nobody knows.
            self._refusals += 1
            self._deletes_unseen = self._refusals < _UNSEEN_ROUNDS and not any(map(_is_refusal, outcomes.values()))
            outcomes = {index: None if _is_refusal(outcome) else outcome for index, outcome in outcomes.items()}
        self._outcomes |= {index: outcome for index, outcome in outcomes.items() if outcome is not None}
        self.open = [index for index in self.open if index not in self._outcomes]

    def finish(self, failure: str) -> list[Outcome]:
        """Give all outcomes. What is open was not applied: for ``failure``, or refused again and again though no ref moved."""
        reason = self._last_reason or "no reason given"
        lock = f"{reason}; no ref moved, so a lock may be left behind, or a ref have the name of a directory (run check)"
        return [self._outcomes.get(index, Refused(failure or lock)) for index in range(len(self._transactions))]

    def _outcome(self, index: int, report: Report) -> Outcome | None:
        if report.state == "unknown":
            return Unknown(report.reason)
        if report.reason:
            return Refused(report.reason)
        reasons = [report.refused[update.name] for update in self._transactions[index].updates if update.name in report.refused]
        if report.state == "done" and not reasons:
            return Applied()
        own = [reason for reason in reasons if not _COLLATERAL.search(reason)]
        self._last_reason = next(iter(own or reasons), self._last_reason)
        final = next((reason for reason in own if _FINAL_REFUSAL.search(reason)), None)
        return None if final is None else Refused(_explain(final))


def _is_refusal(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Refused)


def _holds(update: RefUpdate, advertised: Advertised) -> bool:
    return update.expect is ANY or advertised.refs.get(update.name, ABSENT) == update.expect


def _commands(updates: Sequence[RefUpdate], advertised: Advertised, *, deletes_unseen: bool) -> list[Command]:
    """Give the commands of one transaction; none if all its refs are as they shall be.

    Assertions are sent with the changes, so that the server checks them in the same moment.
    """
    commands = [
        Command(
            update.name,
            advertised.refs.get(update.name, ZERO_OID),
            ZERO_OID if update.new is DELETE else Oid(update.new),
        )
        for update in updates
    ]
    if not deletes_unseen:
        commands = [command for command in commands if not _is_unseen(command)]
    return commands if any(command.old != command.new for command in commands) else []


def _is_unseen(command: Command) -> bool:
    """Tell whether a command deletes what is not there."""
    return (command.old, command.new) == (ZERO_OID, ZERO_OID)


def _explain(reason: str) -> str:
    if _NON_FAST_FORWARD in reason:
        return f"{reason} (every overwrite is one: the repository must not set receive.denyNonFastForwards)"
    return reason
