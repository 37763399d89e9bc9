"""Many independent transactions in few pushes.

All that can still be applied go into one atomic push. Before it is sent, the server's advertisement shows which transactions are
already in conflict. When the server refuses the push, nothing of it was applied: the next advertisement shows which refs moved
meanwhile, those transactions are in conflict, and the rest is sent again. So each round costs one push, and a race ends in the
second round.

A git server does not keep that promise for commands that it refuses before its transaction begins: if it misses objects, or hides a
ref, it still executes the other commands. So a repository with one broken ref deletes, and creates nothing. These are put back.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from git_keyval.errors import AtomicUnsupportedError, StoreError, TornWriteError
from git_keyval.format.names import RefName
from git_keyval.format.objects import ZERO_OID, Oid
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.git import receive, updates
from git_keyval.store.git.conversation import Transport
from git_keyval.store.git.receive import Advertised, Push, PushCommand, PushReport
from git_keyval.store.git.refusals import is_collateral, is_final, may_pass, refusal
from git_keyval.store.patience import Patience
from git_keyval.store.port import DELETE, Applied, Conflict, Outcome, RefUpdate, Refused, Transaction, Unknown

_MAX_ROUNDS: Final = 12
_UNSEEN_ROUNDS: Final = 3
"""After so many refusals for reasons that may pass, deletions of refs that are not there are left out."""


def push_transactions(
    transport: Transport, transactions: Sequence[Transaction], patience: Patience, *, deletes_unseen: bool
) -> list[Outcome]:
    """Apply the transactions, each all or nothing; return one outcome each. A push that could not begin is begun again.

    With ``deletes_unseen`` the deletion of a ref that is not there is sent, too: git deletes whatever has come to be there
    meanwhile, so that a rival cannot slip in. Where a server or one of its hooks refuses it, it is left out.
    """
    outcomes = _Outcomes(transactions, deletes_unseen=deletes_unseen)
    for number in range(_MAX_ROUNDS):
        if number:
            patience.give_way(number)
        current = _Round(outcomes.open(), deletes_unseen=outcomes.deletes_unseen)
        try:
            report = patience.repeat(partial(updates.push, transport, current.names, current.prepare))
        except StoreError as exc:
            if not number:
                raise
            return outcomes.finish(Refused(exc.what, next_step=exc.next_step))
        if report is not None and report.torn:
            _put_back(transport, report)
        outcomes.judge(current, report)
        if not outcomes.open():
            break
    return outcomes.finish(None)


def _put_back(transport: Transport, report: PushReport) -> None:
    """Undo a push that was done in part, but for refs that moved on. Raises TornWriteError if the server refuses that, too."""
    reason = str(Refused(next(iter(report.refused.values())), words=report.words))
    torn = TornWriteError([(command.name, command.old) for command in report.torn], reason)
    try:
        undone = receive.push(transport, frozenset(command.name for command in report.torn), partial(_undo, transport, report))
    except StoreError as exc:
        raise torn from exc
    if undone is not None and (undone.state != "done" or undone.refused):
        raise torn


def _undo(transport: Transport, report: PushReport, advertised: Advertised) -> Push | None:
    """Return the push that undoes a torn one; None if it was undone without one, or nothing is left of it."""
    done = [command for command in report.torn if advertised.refs.get(command.name, ZERO_OID) == command.new]
    undo = [PushCommand(command.name, command.new, command.old) for command in done]
    lines = "".join(f"update {command.name} {command.new} {command.old}\n" for command in undo)
    return Push(undo, (), atomic=True) if undo and not transport.update_refs(lines) else None


@dataclass(slots=True)
class _Round:
    """One push of the open transactions: the outcomes that follow from its advertisement, and what is sent."""

    open: Mapping[int, Transaction]
    deletes_unseen: bool
    known: dict[int, Outcome] = field(default_factory=dict)
    sent: dict[int, Transaction] = field(default_factory=dict)
    unseen: frozenset[RefName] = frozenset()
    """The refs that are deleted though they are not there."""

    @property
    def names(self) -> frozenset[RefName]:
        """Return the refs whose present oid the push must know."""
        return frozenset(update.name for transaction in self.open.values() for update in transaction.updates)

    def prepare(self, advertised: Advertised) -> Push | None:
        """Decide by the advertisement which transactions are in conflict, which are true already, and what to send."""
        commands = self._sort(advertised)
        if not self.sent:
            return None
        atomic = "atomic" in advertised.capabilities
        if not atomic and any(len(transaction.updates) > 1 for transaction in self.sent.values()):
            raise AtomicUnsupportedError
        self.unseen = frozenset(command.name for command in commands if _is_unseen(command))
        return Push(commands, [obj for transaction in self.sent.values() for obj in transaction.objects], atomic)

    def _sort(self, advertised: Advertised) -> list[PushCommand]:
        """Part what is known from what is to be sent, and return the commands for that."""
        self.known, self.sent = {}, {}
        commands: list[PushCommand] = []
        for index, transaction in self.open.items():
            if moved := tuple(update.name for update in transaction.updates if not update.fits(advertised.refs)):
                self.known[index] = Conflict(moved)
            elif changes := _commands(transaction.updates, advertised, deletes_unseen=self.deletes_unseen):
                self.sent[index] = transaction
                commands += changes
            else:
                self.known[index] = Applied()
        return commands


class _Outcomes:
    """The outcomes of the transactions so far."""

    def __init__(self, transactions: Sequence[Transaction], *, deletes_unseen: bool) -> None:
        self.deletes_unseen = deletes_unseen
        self._transactions = transactions
        self._refusals_of_unseen = 0
        self._outcomes: dict[int, Outcome] = {}
        self._passing: dict[int, Refused] = {}
        """The latest refusal of each that is tried again."""

    def open(self) -> dict[int, Transaction]:
        return {index: transaction for index, transaction in enumerate(self._transactions) if index not in self._outcomes}

    def judge(self, current: _Round, report: PushReport | None) -> None:
        """Turn the server's report into outcomes; a transaction that may succeed in another round stays open."""
        self._outcomes |= current.known
        if report is None:
            return
        ends = {index: _end_of(transaction, report) for index, transaction in current.sent.items()}
        refused = {index: outcome for index, (outcome, _) in ends.items() if isinstance(outcome, Refused)}
        passing = {index for index, (_, may_pass) in ends.items() if may_pass}
        if refused and _may_concern(current.unseen, report):
            # Another server, or a hook, may refuse what git takes, in words that nobody knows.
            self._refusals_of_unseen += 1
            self.deletes_unseen = refused.keys() == passing and self._refusals_of_unseen < _UNSEEN_ROUNDS
            passing = set(refused)
        self._passing |= {index: refused[index] for index in passing}
        self._outcomes |= {index: outcome for index, (outcome, _) in ends.items() if index not in passing}

    def finish(self, failure: Refused | None) -> list[Outcome]:
        """Return all outcomes. The open transactions were not applied: the push failed, or no conflict explains its refusals."""
        left = {index: failure or self._passing[index] for index in self.open()}
        return [self._outcomes.get(index) or left[index] for index in range(len(self._transactions))]


def _end_of(transaction: Transaction, report: PushReport) -> tuple[Outcome, bool]:
    """Return what the report says of a transaction that was sent, and whether it is a refusal that another round may not meet."""
    if report.state == "unknown":
        return Unknown(f"{report.reason} ({report.words})" if report.words else report.reason), False
    if report.reason:
        return refusal(report.reason, report.words), may_pass(report.reason)
    said = {update.name: report.refused[update.name] for update in transaction.updates if update.name in report.refused}
    if report.state == "done" and not said:
        return Applied(), False
    return _refusal_of(said, report)


def _refusal_of(said: Mapping[RefName, str], report: PushReport) -> tuple[Refused, bool]:
    """Return what the server has against a transaction, by what it ``said`` of its refs, or only of the refs of others."""
    own = {name: reason for name, reason in said.items() if not is_collateral(reason)}
    candidates = own or said or report.refused
    final = next((name for name in own or said if is_final(said[name], report.words)), None)
    name = final or next(iter(candidates))
    # Where the server says the same of all refs, it is not about one of them.
    is_about_one = name in own and len(set(said.values())) > 1
    return refusal(candidates[name], report.words, name if is_about_one else None), not final


def _may_concern(names: frozenset[RefName], report: PushReport) -> bool:
    """Return whether the server may have refused the push for one of these refs: it says so, or does not say for which ref."""
    own = {name for name, reason in report.refused.items() if not is_collateral(reason)}
    return not report.reason and bool(names & (own or report.refused.keys()))


def _commands(updates: Sequence[RefUpdate], advertised: Advertised, *, deletes_unseen: bool) -> list[PushCommand]:
    """Return the commands of one transaction, assertions among them; none if all its refs are already as it makes them."""
    commands = [
        PushCommand(update.name, advertised.refs.get(update.name, ZERO_OID), ZERO_OID if update.new is DELETE else Oid(update.new))
        for update in updates
    ]
    if not deletes_unseen:
        commands = [command for command in commands if not _is_unseen(command)]
    return commands if any(command.old != command.new for command in commands) else []


def _is_unseen(command: PushCommand) -> bool:
    """Return whether a command deletes what is not there."""
    return (command.old, command.new) == (ZERO_OID, ZERO_OID)
