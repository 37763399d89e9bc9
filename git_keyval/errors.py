"""Every error that the product raises.

Above an adapter nothing else is seen: adapters translate what git, sockets and processes raise. Each error carries its data
and one line of text for a person: what failed, the likely cause, the next step. No error text contains a stored value or a key.

An error names an input between backticks, alone or with a value, as in `on-missing: ok`. Each program says that in its own words:
the Action as an input, the terminal command as an option, the library as an argument.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

_SHOWN_PROBLEMS = 10
_WHO_WROTE = "Find out who can write to the repository; 'set' or 'del' on the key replaces or removes the record."


def as_inputs(text: str) -> str:
    """Return a text that names inputs, in the words of a workflow."""
    return text.replace("`", "'")


def quoted(text: str) -> str:
    """Return what somebody gave, in quotes and in ASCII, for an error: without a mark that would make it the name of an input."""
    return ascii(text).replace("`", "\\x60")


class GitKeyvalError(Exception):
    """Base of all: ``what`` failed, and what to do about it in ``next_step`` (may be empty).

    ``wording`` is how the program that shows it names inputs.
    """

    wording: Callable[[str], str] = staticmethod(as_inputs)

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step

    @property
    def text(self) -> str:
        """Return both as one line, in which inputs are named between backticks."""
        return f"{self.what} {self.next_step}".strip()

    def __str__(self) -> str:
        return self.wording(self.text)


class InputError(GitKeyvalError):
    """An input is unknown, missing, malformed or does not go with another; nothing was read or written."""

    def __init__(self, name: str, problem: str, accepted: str = "") -> None:
        self.name = name
        self.problem = problem
        self.accepted = accepted
        super().__init__(f"Input `{name}` {problem}.", f"Accepted: {accepted}." if accepted else "")


class ConfigError(InputError):
    """The config file says what is not accepted; nothing was read or written."""

    def __init__(self, path: str, problems: Sequence[tuple[int, str]]) -> None:
        """Keep every problem with its line, counted from 1; the text names the first of them."""
        super().__init__("config", "names a file with something that is not accepted")
        self.path = path
        self.problems = tuple(problems)
        more = len(problems) - _SHOWN_PROBLEMS
        shown = [f"{path}:{line}: {problem}" for line, problem in problems[:_SHOWN_PROBLEMS]]
        self.what = " ".join([*shown, f"And {more} more."] if more > 0 else shown)


class MalformedRecordError(GitKeyvalError):
    """An object under one of our refs is not what the format says: corrupted, foreign, or of a later format version."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(*self._sentences())

    def _sentences(self) -> tuple[str, str]:
        return (
            f"The object at {self.where} is not a valid record: {self.reason}.",
            "Run 'check' for a report: with `repair: true` it mends what it can. 'set' or 'del' on the key replaces or removes it.",
        )

    def at(self, where: str) -> Self:
        """Return the same error about another place: the ref that points at the object."""
        return type(self)(where, self.reason)


class AnchorError(MalformedRecordError):
    """The anchor, which says whether a database is encrypted, cannot be read; nothing was read or written."""

    def _sentences(self) -> tuple[str, str]:
        return (
            f"Whether the database is encrypted cannot be known, because the tag {self.where} cannot be read: {self.reason}.",
            "Run 'check' with `repair: true`, which makes it anew; if the database is encrypted, 'init' with the `encryption-key`.",
        )


class UnmarkedError(GitKeyvalError):
    """Encryption is required, and the database is not marked as encrypted; nothing was written."""

    def __init__(self) -> None:
        super().__init__(
            "Encryption is required, but the database is not marked as encrypted: it may hold values in the clear.",
            "Run 'init' with the `encryption-key`, which marks it.",
        )


class TamperedError(MalformedRecordError):
    """Something encrypted was changed, or brought to another place, by somebody without the encryption key."""

    def _sentences(self) -> tuple[str, str]:
        return f"What is encrypted at {self.where} is not authentic: {self.reason}.", _WHO_WROTE


class NotEncryptedError(MalformedRecordError):
    """A plain value where an encryption key was given, so that only an encrypted one can be there."""

    def _sentences(self) -> tuple[str, str]:
        return f"The value at {self.where} is refused: {self.reason}.", _WHO_WROTE


class MissingEncryptionKeyError(GitKeyvalError):
    """The encryption key that is needed was not given."""

    def __init__(self, kid: str, *, is_first: bool = False) -> None:
        """Keep the name of the key; ``is_first`` if it is the one that encrypts the keys of the database."""
        self.kid = kid
        super().__init__(
            f"{'The database' if is_first else 'This'} is encrypted with the key '{kid}', which was not given.",
            f"Give it first in `encryption-key`, as '{kid}: KEY'. In a workflow the secret may be missing: runs of forks have none."
            if is_first
            else f"Give it in `encryption-key`, in a line '{kid}: KEY'; the first line there stays the first.",
        )


class WrongEncryptionKeyError(GitKeyvalError):
    """Another encryption key has the name of the one that is needed."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(
            f"This is encrypted with the key '{kid}' or an earlier one, and what was given as '{kid}' is another key.",
            "Give in `encryption-key` every key that the database was ever written with, each under the name that it had then.",
        )


class KeyOrderError(GitKeyvalError):
    """The keys of the database are encrypted with an encryption key that was not given as the first."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(
            f"The names of keys are encrypted with the key '{kid}', which is not the first of `encryption-key`.",
            "The first one gives every key its id, so it must stay the first; add new ones at the end.",
        )


class WrongTypeError(GitKeyvalError):
    """The key holds a value of a type that the command cannot work on."""

    def __init__(self, command: str, held: str, wanted: str, instead: str = "") -> None:
        self.held = held
        super().__init__(
            f"'{command}' needs {wanted}, but the key holds a value of type {held}.",
            f"{instead}. For this command use another key, or 'del' it first."
            if instead
            else "Use another key, or 'del' it first.",
        )


class IndexOutOfRangeError(GitKeyvalError):
    """An array has no such index, or too many in the range asked for; nothing was written."""


class BoundError(GitKeyvalError):
    """A number that only grows is the largest that its record can hold; nothing was written."""

    def __init__(self, subject: str, bound: int) -> None:
        self.subject = subject
        self.bound = bound
        self.reason = f"{subject} cannot be larger than {bound}"
        super().__init__(
            f"{self.reason[0].upper()}{self.reason[1:]}; nothing was written.",
            "'del' the key; what is written then begins anew.",
        )


class CounterOverflowError(GitKeyvalError):
    """A counter would leave the signed 64-bit range; nothing was written, or it was withdrawn."""

    def __init__(self, done: str = "nothing was written") -> None:
        """Say what was done; the number itself is the user's and is kept out of the text."""
        self.reason = "the counter would leave the 64-bit range"
        super().__init__(
            f"The counter would leave the signed 64-bit range; {done}.",
            "Use a smaller step or 'set' the counter.",
        )


class FieldOverflowError(GitKeyvalError):
    """A field would be a whole number that no Number holds exactly; nothing was written."""

    def __init__(self) -> None:
        """Say which numbers it may be, and who counts further."""
        super().__init__(
            "The field would leave the whole numbers that can be held exactly, from -(2^53 - 1) to 2^53 - 1; nothing was written.",
            "Use a smaller step, or 'incr' a key of its own, which holds 64 bits.",
        )


class OverwrittenError(GitKeyvalError):
    """A value of another type took a counter's place while an increment waited for its number."""

    def __init__(self, held: str) -> None:
        self.held = held
        super().__init__(
            f"The key was overwritten with a value of type {held} while the increment waited for its number, and the increment "
            "was withdrawn; a reader of the counter may have seen it before.",
            "Find out who writes to the key, and count in another one, or 'del' it and run it again.",
        )


class KeyMissingError(GitKeyvalError):
    """The key, or an element of it, is absent or expired and ``on-missing: fail`` was asked for."""

    def __init__(self, subject: str = "key") -> None:
        """Say what is missing (key, field or element), without naming it."""
        super().__init__(
            f"The {subject} does not exist (or has expired).",
            "Set it first. Give `on-missing: ok` to go on without it. Give `on-missing: ok` and a `default` to have that instead.",
        )


class LockHeldError(GitKeyvalError):
    """Somebody else holds the lock, also after the time that ``wait`` gave; nothing was written."""

    def __init__(self, holder: str, seconds: int | None, slots: int = 1) -> None:
        """Name the holder, empty if its name may be a secret, and the seconds that its lease has left; None if it has none.

        Of several slots it is the holder whose lease ends first.
        """
        self.seconds = seconds
        what = "The lock is held" if slots == 1 else f"All {slots} slots of the lock are held, the next to be free"
        whom = f"by {holder}" if holder else "by another owner"
        until = f", for {seconds} more seconds unless it is released or renewed" if seconds is not None else " without a lease"
        super().__init__(
            f"{what} {whom}{until}.",
            "The output 'owner' says by whom. Give `wait` to wait for it. In a workflow, 'continue-on-error: true' lets the job go "
            "on without it.",
        )


class LockLostError(GitKeyvalError):
    """The lock to be released is held by another owner; nothing was written."""

    def __init__(self, holder: str) -> None:
        """Name the holder; empty if its name may be a secret."""
        whom = f"by {holder}" if holder else "by another owner"
        super().__init__(
            f"The lock is not released: it is held {whom}. The lease had run out and the lock was taken over, or `owner` is not "
            "the owner that 'lock' was given.",
            "What was done since the lease ran out may have been done by two at once: check it, and give 'lock' a longer `ttl`.",
        )


class ContentionError(GitKeyvalError):
    """Other writers moved the key at every attempt; nothing was written."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        super().__init__(
            f"Other writers changed the key during each of {attempts} attempts; nothing was written.",
            "Raise `max-attempts`. Give `contention: breadcrumb` where the number may wait for the next gather.",
        )


class OutcomeUnknownError(GitKeyvalError):
    """A write was sent, its reply was lost, and reading again cannot show whether it was applied."""

    def __init__(self, cause: str, parked: str = "") -> None:
        """Keep what was seen of the failure; ``parked`` says where something is that may have been taken away."""
        self.cause = cause
        super().__init__(
            f"It cannot be known whether the write was applied ({cause}).",
            "Read the key, then decide. What is given an `op-id` may be run again under the same one: it is done once. "
            f"What is given `if-version` may be run again: it writes once at the most. {parked}".strip(),
        )


class ImportUnknownError(OutcomeUnknownError):
    """Replies to the import of keys were lost, and reading again cannot show whether they were written."""

    def __init__(self, found: Sequence[str], cause: str) -> None:
        """Say where in the export each of them is."""
        super().__init__(cause)
        self.found = tuple(found)
        self.what = f"It cannot be known whether keys were imported ({_first_of(found)}; {cause})."
        self.next_step = "Run it again: it names those that hold something else, and what is the same is no difference."


class UndeliverableError(GitKeyvalError):
    """There is no place, or no room, for the answer; nothing was taken away."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"The answer cannot be written to {where} ({reason}); nothing was taken away.", "Make room, then run it again."
        )


class UndeliveredError(GitKeyvalError):
    """The command was done, and then its answer could not be written."""

    def __init__(self, where: str, reason: str, parked: str = "") -> None:
        """Name the place, and why it takes nothing; ``parked`` says where something is that was taken away."""
        self.where = where
        self.reason = reason
        super().__init__(
            f"The command was done, but its answer could not be written to {where} ({reason}).", parked or "Read the key again."
        )


class TornWriteError(GitKeyvalError):
    """A server applied a part of what was to be all or nothing, and would not have it undone."""

    def __init__(self, moved: Sequence[tuple[str, str]], reason: str) -> None:
        """Keep the refs that it moved or deleted, each with the oid that it had, and why it refused the others."""
        self.moved = tuple(moved)
        self.reason = reason
        refs = ", ".join(f"{name} (was {oid})" for name, oid in self.moved[:_SHOWN_PROBLEMS])
        super().__init__(
            f"The server refused a part of the write ({reason}) and executed the rest, although all or nothing was asked for: "
            f"{refs}{' and more' if len(self.moved) > _SHOWN_PROBLEMS else ''}.",
            "Have the repository repaired (git fsck says what is broken), then put each ref back there: "
            f"{' && '.join(f'git update-ref {name} {oid}' for name, oid in self.moved[:_SHOWN_PROBLEMS])}",
        )


class SeveralRepositoriesError(GitKeyvalError):
    """What has to be written at once lives in several repositories; nothing was written."""

    def __init__(self, repositories: Sequence[str]) -> None:
        self.repositories = list(repositories)
        super().__init__(
            f"The keys live in several repositories ({', '.join(repositories)}), which cannot be written as one.",
            "Write them one after the other: a batch does so with `atomic: false`; for 'copy', use 'get' and 'set'.",
        )


class ItemsFailedError(GitKeyvalError):
    """Some commands of a batch that is not atomic cannot be done; the others are."""

    def __init__(self, items: Sequence[str], cause: GitKeyvalError) -> None:
        """Keep the ids of the commands, and why the first one failed."""
        self.items = list(items)
        self.cause = cause
        super().__init__(f"Of the batch failed: {', '.join(items)}. The first of them: {cause.what}", cause.next_step)


class ConditionNotMetError(GitKeyvalError):
    """A condition is not met, and the step was to fail then; nothing was written."""

    def __init__(self, item: str) -> None:
        """Keep the id of the command in a batch; empty for a command on its own."""
        self.item = item
        super().__init__(
            f"The condition{f' of the item {item!a}' if item else ''} is not met; nothing was written.",
            "Leave out `on-failed: fail` to go on all the same: the output 'applied' is false then.",
        )


class NotMetInTimeError(GitKeyvalError):
    """What was waited for is not so, also after the time that ``wait`` gave, and the step was to fail then."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "The condition is not met, and the time to wait for it is over.",
            "Give a longer `wait`, or leave out `on-failed: fail` to go on all the same: the output 'met' is false then.",
        )


class ItemFailedError(GitKeyvalError):
    """A command of a batch cannot be done; nothing was written."""

    def __init__(self, item: str, cause: GitKeyvalError) -> None:
        """Keep the id of the command, and why."""
        self.item = item
        self.cause = cause
        super().__init__(f"The item {item!a}: {cause.what} Nothing was written.", cause.next_step)


class PartlyDeletedError(GitKeyvalError):
    """Of several keys some are deleted, and then something went wrong with the others."""

    def __init__(self, count: int, cause: GitKeyvalError) -> None:
        self.count = count
        self.cause = cause
        super().__init__(
            f"{count} of the keys {'was' if count == 1 else 'were'} deleted; for the others: {cause.what}",
            f"{cause.next_step} Running it again is safe: it deletes what is left.".strip(),
        )


class PartlyWrittenError(GitKeyvalError):
    """Of several repositories some are written, and then something went wrong in another."""

    def __init__(self, written: Sequence[str], failed: str, cause: GitKeyvalError) -> None:
        self.written = tuple(written)
        self.cause = cause
        super().__init__(
            f"What belongs to {', '.join(written)} was written; in {failed}: {cause.what}",
            f"{cause.next_step} Nothing was tried in those after it; running it again writes all of them.".strip(),
        )


class KeysExistError(GitKeyvalError):
    """Keys that an export has hold something else in the repository; nothing was written."""

    def __init__(self, found: Sequence[str]) -> None:
        """Say where in the export each of them is, without its name."""
        self.found = tuple(found)
        super().__init__(
            f"Keys of the export exist, and hold something else ({_first_of(found)}); nothing was written.",
            "Give `if-exists: skip` to keep what they hold. Give `if-exists: overwrite` to replace it.",
        )


class KeysChangedError(GitKeyvalError):
    """Keys that an export has were written by others while it was imported; the others are imported."""

    def __init__(self, found: Sequence[str]) -> None:
        """Say where in the export each of them is."""
        self.found = tuple(found)
        super().__init__(
            f"Other writers changed keys during the import ({_first_of(found)}). What they wrote is kept; the others are imported.",
            "Run it again: it names those that hold something else, and what is the same is no difference.",
        )


class KeysLeftOutError(GitKeyvalError):
    """Keys cannot be read, and so are not in an export, which has all others."""

    def __init__(self, found: Sequence[str]) -> None:
        """Say which, and why."""
        self.found = tuple(found)
        super().__init__(
            f"Keys that cannot be read are not in the export, which has all others ({_first_of(found)}).",
            "The command 'check' says what to do about them.",
        )


class PartlyImportedError(GitKeyvalError):
    """A part of an export is imported, and then something went wrong."""

    def __init__(self, count: int, cause: GitKeyvalError) -> None:
        self.count = count
        self.cause = cause
        super().__init__(
            f"{count} of the keys {'is' if count == 1 else 'are'} imported; then: {cause.what}",
            f"{cause.next_step} Running it again is safe: what is the same is no difference.".strip(),
        )


def _first_of(found: Sequence[str]) -> str:
    more = len(found) - _SHOWN_PROBLEMS
    return "; ".join([*found[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


class RedirectedError(GitKeyvalError):
    """Keys live in other repositories, and writes are not followed there; nothing was written."""

    def __init__(self, repositories: Sequence[str]) -> None:
        self.repositories = tuple(repositories)
        super().__init__(
            f"The key is redirected: it lives in {' and '.join(repositories)}. Nothing was written.",
            "Use that repository. Give `follow-writes: true` to write there from here.",
        )


class RedirectNotFollowedError(GitKeyvalError):
    """A redirect leads where it is not followed."""

    def __init__(self, repository: str, reason: str, next_step: str) -> None:
        self.repository = repository
        super().__init__(f"The redirect to {repository} is not followed: {reason}.", next_step)


class RedirectRefusedError(GitKeyvalError):
    """A key is not redirected because something would be lost; nothing was written."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(f"The key is not redirected: {reason}. Nothing was written.", next_step)


class StoreError(GitKeyvalError):
    """The repository could not be used; nothing of this request was applied."""


class NotARepositoryError(StoreError):
    """Nothing answers as a git repository at the given place."""


class AccessDeniedError(StoreError):
    """The repository is there, or may be, but refuses these credentials."""


class UnavailableError(StoreError):
    """The repository could not be reached, or the connection broke before anything was written: it may be asked again."""

    def __init__(self, what: str, next_step: str = "", seconds: float | None = None) -> None:
        """Keep for how many seconds the server asks to wait before; None if it does not say."""
        self.seconds = seconds
        super().__init__(what, next_step)


class RefusedError(StoreError):
    """The server refused a ref transaction for a reason that is not a conflict (a hook, a rule, a permission)."""

    def __init__(self, refs: Sequence[str], reason: str, next_step: str = "") -> None:
        """Keep the refs concerned and the server's reason, stripped of control characters by the adapter."""
        self.refs = tuple(refs)
        self.reason = reason
        super().__init__(f"The server refused the write: {reason}.", next_step)


class TooLargeError(RefusedError):
    """The server refused a ref transaction because there is too much in it; in parts it may be taken."""

    def __init__(self, refs: Sequence[str], reason: str, next_step: str, size: int) -> None:
        """Keep the size, too: the bytes of all objects of the transaction, before they are compressed."""
        self.size = size
        super().__init__(refs, reason, next_step)
        self.what = f"The server refused the write of {size:,} bytes: {reason}."


class AtomicUnsupportedError(StoreError):
    """The server cannot apply several ref updates as one, which every key with an expiry needs."""

    def __init__(self) -> None:
        super().__init__(
            "The git server does not offer the 'atomic' capability, so a write of several refs could be applied by half; "
            "nothing was written.",
            "Use a server that supports atomic pushes (git 2.4 or later; on your own server set receive.advertiseAtomic=true).",
        )


class InternalError(GitKeyvalError):
    """A defect of ours: an exception that nothing expected."""

    def __init__(self, cause: Exception) -> None:
        """Name the place alone: the text of the exception could hold what users stored."""
        from traceback import extract_tb  # noqa: PLC0415  # slow to import, and this is a defect

        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(cause.__traceback__)[-4:]]
        super().__init__(
            f"Internal error: {type(cause).__name__} at {' > '.join(places)}.", "Please report it; what was done is not known."
        )
