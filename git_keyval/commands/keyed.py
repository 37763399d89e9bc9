"""What many commands have in common: a key, or several; a lifetime."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

from git_keyval.database.command import Command, Moment, V
from git_keyval.database.declared import Described
from git_keyval.database.keys import Key, KeyView, KeyViews
from git_keyval.database.lifetimes import Lifetime, chosen, planned
from git_keyval.database.reading import ManyKeys, OneKey
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import ANY, Depth, RefUpdate, Transaction


class AboutKey(Command[V]):
    """A command about one key, whatever it reads."""

    key: Key

    @property
    def keys_used(self) -> Sequence[Key]:
        return (self.key,)


class OfKey(AboutKey[KeyView]):
    """A command of one key as a whole."""

    depth: ClassVar[Depth] = Depth.MESSAGES

    def reads(self) -> OneKey:
        return OneKey(keys=[self.key], depth=self.depth)


class Storing(Described):
    """A command that stores the key itself, too, if it is asked to."""

    key: Key
    store_key: bool = False

    def stored_key(self, moment: Moment) -> Transaction:
        """Return the part of the transaction that stores it: nothing, unless it is asked for."""
        return stored(moment.naming, [self.key] if self.store_key else [])


class Recorded(Command[V]):
    """A command that may be done once however often it is run: the key ``record`` has what it answered then."""

    record: Key | None = None

    def form(self) -> Command[Any]:
        if self.record is None:
            return self
        from git_keyval.commands.transactions import Once  # noqa: PLC0415  # most commands are done each time

        return Once(command=self, record=self.record)


class OfKeys(Command[KeyViews]):
    """A command of several keys."""

    keys: Sequence[Key]

    @property
    def keys_used(self) -> Sequence[Key]:
        return self.keys

    def about(self, key_ids: Collection[KeyId]) -> Self:
        return self.but(keys=[key for key in self.keys if key.id in key_ids])

    def reads(self) -> ManyKeys:
        return ManyKeys(keys=self.keys)


class Lasting(Described):
    """What a command writes lasts for so many seconds, until a time, or for good."""

    ttl: int | None = None
    expires_at: Micros | None = None

    def lifetime(self, moment: Moment) -> int | Lifetime:
        return chosen(moment.begun, moment.granularity, self.ttl, self.expires_at)

    def plans(self, moment: Moment) -> Sequence[Oid]:
        return planned(self.lifetime(moment))

    def validate(self, moment: Moment) -> None:
        self.lifetime(moment)


class Ending(Lasting):
    """What a command writes does not last for good."""

    needs = (("ttl", "expires-at"),)


class Extending(Ending):
    """What a command changes is an expiry; ``only_if`` says in place of which, as ``may_last`` does."""

    only_if: str = ""


class Keeping(Lasting):
    """What a command writes over may keep its lifetime."""

    keep_ttl: bool = False

    def lifetime(self, moment: Moment) -> int | Lifetime:
        return chosen(moment.begun, moment.granularity, self.ttl, self.expires_at, keep_ttl=self.keep_ttl)


def stored(naming: Naming, keys: Collection[Key]) -> Transaction:
    """Return the part of a transaction that stores keys themselves."""
    updates = [RefUpdate(naming.key(key.id), ANY, key.record.commit.oid) for key in keys]
    return Transaction(tuple(updates), tuple(obj for key in keys for obj in key.record.objects))
