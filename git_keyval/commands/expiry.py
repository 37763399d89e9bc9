"""expire, persist, ttl."""

from git_keyval.commands.keyed import Extending, OfKey, Recorded
from git_keyval.database.answers import NO_KEY, PERSISTENT, Answer
from git_keyval.database.command import Change, Moment
from git_keyval.database.keys import KeyView
from git_keyval.database.lifetimes import FOREVER, Lifetime, expiry_objects, expiry_update, lasting, may_last
from git_keyval.format.objects import Oid
from git_keyval.store.port import RefUpdate, Transaction


class Expire(Recorded[KeyView], Extending, OfKey):
    """Give a key a new time to expire.

    ``applied`` is false if the key does not exist, or only as increments that wait, or if the condition on its expiry is not met:
    that the new one is longer or shorter than what is left, or that there is none or some. What never expires lasts longer than
    anything.
    """

    outputs = ("found", "applied", "version", "ttl", "expires-at")
    examples = ("git-keyval expire deploy --ttl 30d", "git-keyval expire deploy --expires-at 2099-01-31T12:00:00Z --if longer")

    if_version: Oid | None = None

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        return _changed(view, self.lifetime(moment), self.if_version, self.only_if)


class Persist(Recorded[KeyView], OfKey):
    """Take a key's expiry away.

    ``applied`` is false if the key does not exist or had none.
    """

    outputs = ("found", "applied", "version", "ttl", "expires-at")
    examples = ("git-keyval persist deploy",)

    if_version: Oid | None = None

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        return _changed(view, FOREVER, self.if_version)


class Ttl(OfKey):
    """Tell how long a key has left.

    The answer's ``ttl`` is in seconds: -1 if the key never expires, -2 if it does not exist.
    """

    outputs = ("found", "version", "ttl", "expires-at")
    examples = ("git-keyval ttl session",)

    def decide(self, view: KeyView, moment: Moment) -> Answer:
        if not view.exists():
            return Answer(found=False, ttl=NO_KEY)
        return lasting(Answer(found=True, version=view.live_version()), view.live_expiry())


def _changed(view: KeyView, lifetime: int | Lifetime, if_version: Oid | None, only_if: str = "") -> Answer | Change:
    version = view.live_version()
    if version is None:
        # Increments that wait for a gather are a key without a value, and an expiry belongs to a value.
        found = view.exists()
        return Answer(found=found, applied=False, ttl=PERSISTENT if found else NO_KEY)
    before = view.expiry()
    if not view.is_at(if_version) or not may_last(lifetime, before, only_if):
        return lasting(Answer(found=True, applied=False, version=version), before)
    # The value is asserted: an expiry must not come to belong to another value, nor outlive its key.
    updates = (RefUpdate(view.value_name, version, version), *expiry_update(view, lifetime, alive=True))
    return Change(
        Transaction(updates, expiry_objects(lifetime)), lasting(Answer(found=True, applied=True, version=version), lifetime)
    )
