"""A database: a store with the choices that all commands share."""

from collections.abc import Callable, Collection, Mapping

from git_keyval.database.answers import Delivered
from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.keys import Key
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.names import DEFAULT_NAMING, KeyId, Naming, record_parts
from git_keyval.format.redirects import Redirect
from git_keyval.format.registry import Resolve, unresolved, with_expiries
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.progress import Progress, silent
from git_keyval.store.port import Depth, Selection, Snapshot, Store

DEFAULT_MAX_ATTEMPTS = 20
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0


@dataclass(frozen=True, slots=True)
class Database:
    """What a command works on.

    ``random`` returns numbers from 0 to 1, ``new_op`` a fresh operation id, ``sleep`` takes seconds. ``prepare_delivery`` gets
    ready to hand something to the caller, and raises if that cannot be; it is called before a write that takes it away.
    ``address`` is how people name the repository to git. ``cipher`` is between values and what is stored of them.
    ``held_at_target`` returns which keys exist where they are about to be redirected to. ``resolve`` looks up expiry ids whose
    commits the repository does not give. ``progress`` shows what is waited for, how much of that is over, and how much there is.
    """

    store: Store
    sleep: Callable[[float], None]
    random: Callable[[], float]
    new_op: Callable[[], str]
    naming: Naming = DEFAULT_NAMING
    granularity: int = DEFAULT_GRANULARITY
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    prepare_delivery: Callable[[Delivered], None] = lambda _value: None
    address: str = "REPOSITORY"
    cipher: Cipher = PLAIN
    held_at_target: Callable[[Mapping[Key, Redirect]], Collection[KeyId]] = lambda targets: [key.id for key in targets]
    resolve: Resolve = unresolved
    progress: Progress = silent

    def now(self) -> Micros:
        """Return the store's time."""
        return self.store.now()

    def read(self, *selections: Selection, depth: Depth) -> Snapshot:
        """Read as the store does; expiry commits that it does not give are looked up."""
        seen = self.store.read(*selections, depth=depth)
        return seen if depth is Depth.OIDS else self.with_lost_expiries(seen)

    def with_lost_expiries(self, seen: Snapshot) -> Snapshot:
        """Return what was read, with the expiry commits that the store did not give, as far as they can be looked up."""
        expiries = [oid for name, oid in seen.refs.items() if (record := record_parts(name)) and record[1] == "exp"]
        return replace(seen, objects=with_expiries(expiries, seen.objects, self.resolve))

    def pause(self, attempt: int) -> None:
        """Wait before attempt number ``attempt`` + 1, longer each time and never for the same time as others."""
        self.sleep(min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS) * (0.5 + self.random() / 2))
