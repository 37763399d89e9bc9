"""A command: its inputs as fields, what it must see, and its decision, which is pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from git_keyval.database.answers import Answer, Delivered
from git_keyval.database.ciphers import Cipher
from git_keyval.database.declared import Declared, Described
from git_keyval.database.keys import Key
from git_keyval.errors import GitKeyvalError
from git_keyval.format.names import KeyId, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.records import Record
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import Micros
from git_keyval.format.values import Value
from git_keyval.store.port import Selection, Snapshot, Transaction

if TYPE_CHECKING:
    from git_keyval.database.database import Database


_CONDITIONS = ("condition", "if_version", "only_if", "if_absent")
"""The fields of commands that are conditions."""


class View(Protocol):
    """What a read shows, at the time of the read. ``extended`` adds what a decision needed beside it."""

    @property
    def seen(self) -> Snapshot:
        """The refs and objects that were read."""

    def at(self, now: Micros) -> Self:
        """Return the same, looked at now."""

    def extended(self, more: "More", found: Snapshot) -> Self:
        """Return it with what ``more`` has found."""


V = TypeVar("V", bound=View)
V_co = TypeVar("V_co", bound=View, covariant=True)


class Reads(Protocol[V_co]):
    """What a command must see."""

    def fetch(self, database: "Database") -> V_co:
        """Read it. Raises MovedError for a key that lives elsewhere, WrongTypeError, MalformedRecordError and StoreError."""


class More(Protocol):
    """What a decision needs beside what the command has seen."""

    def fetch(self, database: "Database") -> Snapshot:
        """Read it. Raises StoreError."""


class UnreadError(Exception):
    """A decision needs ``more`` than was read. It is made again, on a view that is extended by that."""

    def __init__(self, more: More) -> None:
        self.more = more
        super().__init__(more)


class Witness(NamedTuple):
    """A ref of the transaction that nobody else ever makes so: its state alone proves what happened."""

    name: RefName


Proof: TypeAlias = Literal["refs", "operation", "nothing", "neither"] | Witness
"""What shows, after a lost reply, whether a transaction was applied.

``refs``: that all its refs are as it makes them. ``operation``: the next decision, which finds the operation in what it reads, or
its absence proved. ``nothing``: the same refs may have been made by a rival; so it cannot be known. ``neither``: nor do refs as
they were say that it was not applied, because a rival may have undone it; so it is never sent again.
"""


class Parked(NamedTuple):
    """Where a change leaves what it takes away; ``value`` is the ref of a whole key that can be put back."""

    name: RefName
    value: RefName | None = None


class Change(NamedTuple):
    """A transaction, and what comes once it is applied: the answer, or a wait; without any, the command goes on deciding.

    ``if_denied`` is what comes without another read where it is denied, and ``if_unknown`` where its reply is lost: what was sent
    before shows in what is read next. ``takes`` is what must be deliverable before it is taken away. ``late`` is the
    failure of a command whose answer is worth nothing once its ``expires_at`` has come: it is raised if that is so each time.
    ``memory`` is what the next decision may know.
    """

    transaction: Transaction
    answer: "Answer | Wait | None"
    proof: Proof = "refs"
    if_denied: "Answer | Change | Wait | None" = None
    if_unknown: "Wait | None" = None
    takes: Delivered | None = None
    parked: Sequence[Parked] = ()
    late: GitKeyvalError | None = None
    memory: object = None

    def is_plain(self) -> bool:
        """Return whether it can be written with others: it takes nothing away that has to be delivered first."""
        return self.takes is None and not self.is_done()

    def is_done(self) -> bool:
        """Return whether all that it updates is as it shall be: then nothing is sent."""
        return all(update.expect == update.new for update in self.transaction.updates)


class Each(NamedTuple):
    """A transaction for each of several keys, independent of each other; the answer counts those that were applied.

    Beside them ``leftovers`` are removed, which do not count.
    """

    transactions: Mapping[KeyId, Transaction]
    leftovers: Sequence[Transaction] = ()


class Wait(NamedTuple):
    """Decide again after so many seconds, of which the share ``spread`` is left to chance, and after ``most`` at the most.

    With ``late`` larger than 1, few of many who wait go on early, and most of them late. Until one of ``watched`` is another,
    nothing else is read again. ``progress`` is what people are shown meanwhile. ``meanwhile`` is an answer that is true already:
    it is given where the store cannot be used any more. ``recall`` takes back what was left, where the key turns out to live
    elsewhere; ``if_gone`` is the answer if it is not there any more.
    """

    seconds: float
    most: float
    watched: Selection = Selection()
    progress: tuple[str, int, int] | None = None
    memory: object = None
    spread: float = 0.5
    late: float = 1.0
    meanwhile: Answer | None = None
    recall: Transaction | None = None
    if_gone: Answer | None = None


Decision: TypeAlias = Answer | Change | Each | Wait


class Doubt(NamedTuple):
    """A change whose reply was lost; ``cause`` says how.

    ``denied`` says that it was sent again and denied then: what was sent before may have come through.
    """

    cause: str
    change: Change
    denied: bool = False


class Moment(Declared):
    """What a decision may know of the outside.

    ``now`` is the store's time after the read, ``round_trip`` how many seconds a request takes, about. Fixed for the life of the
    command are ``begun``, that time when it began; ``op``, a fresh operation id; and what ``data`` makes of a value, which an
    encrypted database stores in another form each time. ``denied`` says whether a rival was faster the last time, ``is_last`` that
    no other try is left. ``memory`` is that of the last change or wait, ``doubt`` a change that has the proof
    ``operation`` and whose reply was lost.
    """

    now: Micros
    begun: Micros
    op: str
    naming: Naming
    granularity: int
    cipher: Cipher
    data: Callable[[KeyId, Value], Record]
    round_trip: float = 0.0
    denied: bool = False
    is_last: bool = False
    memory: object = None
    doubt: Doubt | None = None


class Command(Described, Generic[V]):
    """A command of one database. Its fields are its inputs."""

    forces: ClassVar[bool] = False
    """Whether the last try of all is one more, which the decision makes in another way."""

    indivisible: ClassVar[bool] = False
    """Whether all its keys must live in one repository."""

    @property
    def apart(self) -> "Sequence[Bound]":
        """Return the commands that it consists of, where each is performed for itself and ``combined`` makes one answer of all."""
        return ()

    def combined(self, ends: Sequence[Answer | GitKeyvalError]) -> Answer:
        """Return one answer for what each of them answers, or fails with."""
        raise NotImplementedError

    @property
    def keys_used(self) -> Sequence[Key]:
        """Return the keys that the command is about."""
        return ()

    @property
    def is_conditional(self) -> bool:
        """Return whether a condition of it may be what leaves its write out."""
        return any(vars(self).get(name) for name in _CONDITIONS)

    @property
    def redirects(self) -> Mapping[KeyId, Redirect]:
        """Return the redirects that it makes."""
        return {}

    def about(self, key_ids: Collection[KeyId]) -> Self:  # noqa: ARG002  # a command of one key is about that key
        """Return the command for some of its keys."""
        return self

    def form(self) -> "Command[V]":
        """Return the command in the form in which it is performed."""
        return self

    def validate(self, moment: Moment) -> None:
        """Raise InputError for inputs that make no sense now; called before anything is read."""

    def plans(self, moment: Moment) -> Sequence[Oid]:  # noqa: ARG002  # as a rule nobody else has stored the same
        """Return which objects it will most likely store where others may have stored the same: of expiries, of values."""
        return ()

    def blind_write(self, moment: Moment) -> Change | None:  # noqa: ARG002  # as a rule something is read
        """Return the change over what was not read, if there is one; if it is not applied, the command goes on by reading."""
        return None

    def reads(self) -> Reads[V]:
        """Return what the command must see."""
        raise NotImplementedError

    def reads_in_doubt(self) -> Reads[V]:
        """Return what the command must see after a lost reply."""
        return self.reads()

    def decide(self, view: V, moment: Moment) -> Decision:
        """Return what to do about what was seen. Raises UnreadError for what has to be seen, too."""
        raise NotImplementedError


Bound: TypeAlias = Command[Any]
"""Any command with its inputs; what it sees is its own affair."""
