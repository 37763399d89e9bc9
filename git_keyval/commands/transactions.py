"""assert, batch: conditions on their own, and several commands as one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from git_keyval.commands.keyed import AboutKey, Recorded
from git_keyval.database.answers import Answer, said, shown_value
from git_keyval.database.collections import CollectionView, Elements
from git_keyval.database.command import Bound, Change, Command, Decision, Each, Moment, Proof, Reads, Wait, Witness
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import Key, KeyView
from git_keyval.database.lifetimes import Lifetime, chosen, expiry_objects, expiry_update, given_at, planned
from git_keyval.database.operations import RECORD_SECONDS, recorded, recorded_answer
from git_keyval.database.reading import KeyReads, OneKey
from git_keyval.database.transaction import PartReads, PartViews, decisions
from git_keyval.errors import (
    ConditionNotMetError,
    GitKeyvalError,
    InputError,
    ItemFailedError,
    ItemsFailedError,
    OutcomeUnknownError,
    WrongTypeError,
)
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import Oid
from git_keyval.format.values import Value, parse_value
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import Depth, RefUpdate, Transaction, joined

MAX_ITEMS = 100
"""How many commands a batch may have: all that they write goes in one request."""

_CERTAINTY = ("refs", "nothing", "neither", "operation", "witness")
"""How surely a proof shows what became of a write, the surest last; what nothing can be known of hides what refs show."""


class Compared(AboutKey[Any]):
    """A command that looks at a key, or a field of a map, and may compare its value."""

    field: str | None = None
    equals: str | None = None
    less_than: Decimal | None = None
    at_least: Decimal | None = None

    @property
    def compares(self) -> bool:
        """Return whether it compares the value with anything."""
        return any(bound is not None for bound in (self.equals, self.less_than, self.at_least))

    @property
    def depth(self) -> Depth:
        """Return how deep a key is read."""
        return Depth.VALUES if self.compares else Depth.MESSAGES

    def reads(self) -> KeyReads[Any]:
        if self.field is not None:
            field = (self.field,)
            values = field if self.compares else ()
            return Elements(keys=self.keys_used, category="map", command=self.name, elements=field, values=values)
        return OneKey(keys=self.keys_used, depth=self.depth, exact=True)

    def found(self, view: KeyView | CollectionView) -> bool:
        """Return whether it exists."""
        return view.exists() if isinstance(view, KeyView) else view.holds(self.field or "")

    def value(self, view: KeyView | CollectionView) -> Value | int:
        """Return its value, if it exists. Raises WrongTypeError for a key that holds many, and UnreadError."""
        if isinstance(view, KeyView):
            return view.value(self.name)
        return view.values([self.field or ""])[self.field or ""]

    def fits(self, view: KeyView | CollectionView) -> bool:
        """Return whether it exists, with a value as it should be. Raises WrongTypeError for what is no number, and UnreadError."""
        if not self.found(view):
            return False
        value = self.value(view)
        if self.equals is not None and not _is_shown_as(value, self.equals):
            return False
        if self.less_than is None and self.at_least is None:
            return True
        if isinstance(value, Value) and value.type != "Number":
            raise WrongTypeError(self.name, f"{value.type}", "a number or a counter")
        number = Decimal(shown_value(value))
        return (self.less_than is None or number < self.less_than) and (self.at_least is None or number >= self.at_least)


class Assert(Compared):
    """Check that a key, or a field of a map, is as it should be.

    In a batch nothing is written unless it is. ``equals`` compares with the text that ``get`` shows; ``less-than`` and ``at-least``
    are for numbers and counters, with what waits to be counted. What does not exist equals nothing, and is neither less nor more.
    Raises WrongTypeError for what is not a number and compared as one.
    """

    name = "assert"
    outputs = ("found", "applied", "version")
    examples = ("git-keyval assert deploy --if present", "git-keyval assert builds --at-least 1")

    needs = (("if", "if-version", "equals", "equals-env", "less-than", "at-least"),)

    condition: Condition = ALWAYS
    on_failed: str = "ok"

    is_conditional = True

    def decide(self, view: KeyView | CollectionView, moment: Moment) -> Answer | Change:
        of_key = view if isinstance(view, KeyView) else view.view
        found, version = self.found(view), of_key.live_version()
        if not self._is_met(view, found=found):
            failure = ConditionNotMetError("") if self.on_failed == "fail" else None
            return Answer(found=found, applied=False, version=version, failure=failure)
        names = [of_key.value_name, of_key.expiry_name, *of_key.crumbs]
        names += [] if isinstance(view, KeyView) else [view.expiry_name(self.field or "")]
        seen = [(name, view.seen.refs[name]) for name in names if name in view.seen.refs]
        # That something is absent cannot be asserted by a push: git takes it for a deletion of whatever is there by then.
        updates = tuple(RefUpdate(name, oid, oid) for name, oid in seen)
        return Change(Transaction(updates), Answer(found=found, applied=True, version=version))

    def _is_met(self, view: KeyView | CollectionView, *, found: bool) -> bool:
        if self.condition.existence and (self.condition.existence == "present") != found:
            return False
        return view.is_at(self.condition.version) and (not self.compares or self.fits(view))


def _is_shown_as(value: Value | int, text: str) -> bool:
    """Return whether a value is shown as a text; JSON may be written in another way."""
    if not isinstance(value, Value) or value.type != "JSON":
        return shown_value(value) == text
    try:
        return parse_value("JSON", text) == value
    except ValueError:
        return False


class Item(NamedTuple):
    """A command of a batch in the form in which it is performed; ``id`` is its name there, or its place, counted from 1.

    Its answer has those ``outputs`` and, where the key is missing, ``default`` for a value; with ``required`` that is a condition.
    """

    id: str
    command: Bound
    outputs: tuple[str, ...]
    default: str | None = None
    required: bool = False

    @property
    def writes(self) -> bool:
        """Return whether it may write."""
        return "applied" in self.outputs and not isinstance(self.command, Assert)

    def fails(self, decision: Decision) -> bool:
        """Return whether a condition of the command is not met."""
        if isinstance(decision, Change | Wait):
            return isinstance(decision, Wait)
        answer = _answer(decision)
        unmet = (self.command.is_conditional and answer.applied is False) or (self.required and answer.found is False)
        return unmet or answer.failure is not None

    def result(self, answer: Answer) -> dict[str, JsonValue]:
        """Return the answer of the command as JSON."""
        members = {name: value for name, value in said(answer).items() if name in self.outputs}
        return {**members, "value": self.default} if self.default is not None and answer.found is False else members


class _Sent(NamedTuple):
    """What was sent, and the change of it that shows after a lost reply what became of all, by its place."""

    place: int
    proving: Change


class Batch(Recorded[PartViews]):
    """Run several commands as one transaction: all that they write, or nothing.

    All of them see what was there before. Where a condition of one of them is not met, nothing is written: ``applied`` is false,
    and ``failed`` says which. ``results`` has the answer of each by its id, or by its place. Raises ItemFailedError for a command
    that cannot be done; then nothing is written, either.
    """

    stands_alone = True
    outputs = ("applied", "failed", "results")
    examples = ('echo \'[{"command": "incr", "key": "n"}, {"command": "get", "key": "deploy"}]\' | git-keyval batch -',)

    items: Sequence[Item]
    atomic: bool = True
    on_failed: str = "ok"

    indivisible = True

    @property
    def apart(self) -> Sequence[Bound]:
        return [] if self.atomic else [item.command for item in self.items]

    def combined(self, ends: Sequence[Answer | GitKeyvalError]) -> Answer:
        done = list(zip(self.items, ends, strict=True))
        results: dict[str, JsonValue] = {
            item.id: {"error": str(end)} if isinstance(end, GitKeyvalError) else item.result(end) for item, end in done
        }
        errors = {item.id: end for item, end in done if isinstance(end, GitKeyvalError)}
        failed = [item.id for item, end in done if isinstance(end, GitKeyvalError) or item.fails(end)]
        failure: GitKeyvalError | None = None
        if errors:
            failure = ItemsFailedError(list(errors), next(iter(errors.values())))
        elif failed and self.on_failed == "fail":
            failure = ConditionNotMetError(failed[0])
        parked = " ".join(end.parked for _, end in done if isinstance(end, Answer) and end.parked)
        return Answer(applied=not failed, failed=", ".join(failed), results=results, failure=failure, parked=parked)

    @property
    def keys_used(self) -> Sequence[Key]:
        return list({key.id: key for item in self.items for key in item.command.keys_used}.values())

    def validate(self, moment: Moment) -> None:
        for item in self.items:
            with _named(item):
                item.command.validate(moment)
        records = [self.record, *(item.command.record for item in self.items if isinstance(item.command, Once))]
        written = {key.id for item in self.items if item.writes for key in item.command.keys_used}
        if any(record is not None and record.id in written for record in records):
            raise InputError("op-id", "has a record, whose key one of the commands writes", "another op-id")

    def plans(self, moment: Moment) -> Sequence[Oid]:
        return [oid for item in self.items for oid in item.command.plans(moment)]

    def reads(self) -> PartReads:
        return self._reads([item.command.reads() for item in self.items])

    def reads_in_doubt(self) -> PartReads:
        return self._reads([item.command.reads_in_doubt() for item in self.items])

    def _reads(self, parts: Sequence[Reads[Any]]) -> PartReads:
        # What is written or asserted is compared again by the write, if there is one; what is only read is not.
        compared = any(item.writes for item in self.items) and all("applied" in item.outputs for item in self.items)
        return PartReads.of(parts, at_once=not compared)

    def decide(self, view: PartViews, moment: Moment) -> Answer | Change:
        if moment.doubt is not None and isinstance(moment.memory, _Sent):
            end = self._after_doubt(view, moment, moment.memory)
            if end is not None:
                return end
        decided = self._decisions(view, moment.but(memory=None, doubt=None, denied=False, is_last=False))
        failed = next((item for item, decision in zip(self.items, decided, strict=True) if item.fails(decision)), None)
        if failed is not None:
            return self._refusal(failed, decided, moment)
        # Before: breadcrumbs that are too many for one write are folded, and the operation's own one is moved or taken back.
        first = next((change for change in decided if isinstance(change, Change) and not _ends(change)), None)
        if first is not None:
            return first._replace(answer=None, memory=None, if_denied=None, if_unknown=None)
        return self._change(decided, moment)

    def _decisions(self, view: PartViews, moment: Moment) -> list[Decision]:
        of_items = [partial(item.command.decide, moment=moment) for item in self.items]
        decided: list[Decision] = []
        for item, decision in zip(self.items, decisions(of_items, view), strict=True):
            if isinstance(decision, GitKeyvalError):
                raise ItemFailedError(item.id, decision) from decision
            decided.append(decision)
        return decided

    def _refusal(self, failed: Item, decided: Sequence[Decision], moment: Moment) -> Answer:
        results: dict[str, JsonValue] = {
            item.id: item.result(given_at(decision, moment.now)) if isinstance(decision, Answer) else {"applied": False}
            for item, decision in zip(self.items, decided, strict=True)
        }
        failure = ConditionNotMetError(failed.id) if self.on_failed == "fail" else None
        return Answer(applied=False, failed=failed.id, results=results, failure=failure)

    def _change(self, decided: Sequence[Decision], moment: Moment) -> Answer | Change:
        results: dict[str, JsonValue] = {
            item.id: item.result(given_at(_answer(decision), moment.now))
            for item, decision in zip(self.items, decided, strict=True)
        }
        answer = Answer(applied=True, results=results)
        changes = {place: decision for place, decision in enumerate(decided) if isinstance(decision, Change)}
        transaction = joined(*(part for decision in decided for part in _transactions(decision)))
        if not transaction.updates:
            return answer
        late = next((change for change in changes.values() if change.late is not None), None)
        if late is not None and isinstance(late.answer, Answer):
            answer = replace(answer, expires_at=late.answer.expires_at)
        place, proving = _proving(changes)
        return Change(
            transaction,
            answer,
            proving.proof,
            takes=results,
            parked=[parked for change in changes.values() for parked in change.parked],
            late=late and late.late,
            memory=_Sent(place, proving),
        )

    def _after_doubt(self, view: PartViews, moment: Moment, sent: _Sent) -> Answer | Change | None:
        """Return what one of the changes shows: all was applied, or is to be sent again, or None where it was not applied."""
        doubt, part = moment.doubt, view.parts[sent.place]
        assert doubt is not None
        if isinstance(part, GitKeyvalError):
            raise OutcomeUnknownError(doubt.cause)
        of_item = moment.but(memory=sent.proving.memory, doubt=doubt._replace(change=sent.proving))
        decision = self.items[sent.place].command.decide(part, of_item)
        if isinstance(decision, Answer):
            assert isinstance(doubt.change.answer, Answer)
            return doubt.change.answer
        is_same = isinstance(decision, Change) and decision.transaction is sent.proving.transaction
        return doubt.change if is_same else None


class Once(Command[PartViews]):
    """A command that is done once however often it is run: what it answers is recorded in the transaction that it writes."""

    indivisible = True

    command: Bound
    record: Key

    @property
    def keys_used(self) -> Sequence[Key]:
        return self.command.keys_used

    @property
    def is_conditional(self) -> bool:
        return self.command.is_conditional

    def validate(self, moment: Moment) -> None:
        self.command.validate(moment)

    def plans(self, moment: Moment) -> Sequence[Oid]:
        return (*self.command.plans(moment), *planned(self._lifetime(moment)))

    def reads(self) -> PartReads:
        return PartReads.of([OneKey(keys=[self.record], depth=Depth.VALUES), self.command.reads()])

    def decide(self, view: PartViews, moment: Moment) -> Decision:
        record: KeyView = view.parts[0]
        if record.exists():
            return recorded_answer(record)
        _, decision = decisions([lambda _record: Answer(), partial(self.command.decide, moment=moment)], view)
        match decision:
            case GitKeyvalError():
                raise decision
            case Change(answer=Answer() as answer):
                return self._recording(record, decision, answer, moment)
            case Each(transactions) if transactions:
                change = Change(joined(*_transactions(decision)), _answer(decision))
                return self._recording(record, change, _answer(decision), moment)
        return decision

    def _recording(self, record: KeyView, change: Change, answer: Answer, moment: Moment) -> Change:
        """Return the change with the record of its answer, which nobody else makes: it shows whether all was applied."""
        expiry = self._lifetime(moment)
        stored = moment.data(self.record.id, recorded(given_at(answer, moment.now)))
        value = RefUpdate(record.value_name, record.expected(record.value_name), stored.commit.oid)
        updates = (value, *expiry_update(record, expiry, alive=False))
        recording = Transaction(updates, (*stored.objects, *expiry_objects(expiry)))
        transaction = joined(change.transaction, recording)
        return change._replace(transaction=transaction, proof=Witness(record.value_name), if_denied=None, if_unknown=None)

    def _lifetime(self, moment: Moment) -> int | Lifetime:
        return chosen(moment.begun, moment.granularity, RECORD_SECONDS, None)


@contextmanager
def _named(item: Item) -> Iterator[None]:
    """Say in an error which item it is about."""
    try:
        yield
    except GitKeyvalError as exc:
        raise ItemFailedError(item.id, exc) from exc


def _ends(change: Change) -> bool:
    """Return whether the command has done what it was asked to once the change is applied."""
    return isinstance(change.answer, Answer) and change.answer.failure is None


def _answer(decision: Decision) -> Answer:
    match decision:
        case Answer():
            return decision
        case Change(answer=Answer() as answer):
            return answer
        case Each(transactions):
            return Answer(applied=bool(transactions), count=len(transactions))
    raise TypeError(decision)


def _transactions(decision: Decision) -> Sequence[Transaction]:
    match decision:
        case Change(transaction):
            return [transaction]
        case Each(transactions, leftovers):
            return [*transactions.values(), *leftovers]
    return []


def _proving(changes: Mapping[int, Change]) -> tuple[int, Change]:
    """Return the change that shows most surely what became of all, after a lost reply, with its place."""
    if not changes:
        return 0, Change(Transaction(()), None)
    certainty = {place: _CERTAINTY.index(_kind(change.proof)) for place, change in changes.items()}
    place = max(certainty, key=lambda place: certainty[place])
    return place, changes[place]


def _kind(proof: Proof) -> str:
    return "witness" if isinstance(proof, Witness) else proof
