"""get, set, del, getdel, exists, type, mget, mset."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Self

from git_keyval.commands.keyed import Keeping, Lasting, OfKey, OfKeys, Recorded, Storing, stored
from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.command import Change, Command, Each, Moment, Parked, UnreadError, Witness
from git_keyval.database.conditions import ALWAYS, IF_ABSENT, Condition
from git_keyval.database.keys import TYPE_NAMES, Key, KeyView, KeyViews, exists_or_unreadable
from git_keyval.database.lifetimes import KEEP, Lifetime, expiry_objects, expiry_update, lasting
from git_keyval.database.reading import ManyKeys, MoreRefs, OneKey
from git_keyval.errors import InputError, WrongTypeError
from git_keyval.format.bounds import added
from git_keyval.format.canonical import JsonValue
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import KeyId, Naming, record_parts
from git_keyval.format.objects import Oid
from git_keyval.format.records import Record
from git_keyval.format.times import timestamp
from git_keyval.format.values import MAX_VALUE_BYTES, Value, as_json
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import ABSENT, ANY, DELETE, Depth, Expect, RefUpdate, Selection, Transaction, joined

_APPENDABLE = {"String", "Uint8Array"}
"""The types whose values are as well formed with more behind them."""


class Get(OfKey):
    """Read a key.

    The answer has its value, type and version, and what is left of its lifetime.
    """

    outputs = ("found", "value", "json", "type", "version", "ttl", "expires-at", "url")
    examples = ("git-keyval get greeting", "git-keyval get logo > logo.png", "git-keyval get colour --default blue")

    def reads(self) -> OneKey:
        return OneKey(keys=[self.key], depth=Depth.VALUES, exact=True)

    def decide(self, view: KeyView, moment: Moment) -> Answer:
        if not view.exists():
            return Answer(found=False, ttl=NO_KEY)
        return _shown(view, Answer(found=True, value=view.value("get")))


class Set(Recorded[KeyView], Keeping, Storing, OfKey):
    """Write a key, with conditions and a time to live.

    An ``int`` sets a counter. Without a lifetime the key is persistent afterwards. A condition that is not met is no error:
    ``applied`` is false, ``version`` and ``old_value`` are what is there instead. With ``get_old`` the answer has the value before
    the write whatever the conditions; a lost reply leaves it open which that was, but of a counter, or under an operation id. Then
    OutcomeUnknownError is raised.
    """

    outputs = ("found", "applied", "version", "ttl", "expires-at", "old-value", "url")
    examples = (
        "git-keyval set greeting hello",
        "git-keyval set session 8f2c --ttl 15m",
        'git-keyval set deploy \'{"commit": "1a2b3c", "ok": true}\' --type json',
        "git-keyval set logo - --type file --media-type image/png < logo.png",
        "git-keyval set lock \"$HOSTNAME\" --if absent --ttl 10m --exit-code && echo 'mine for ten minutes'",
        "git-keyval set current 1.4.2 --get-old",
    )

    value: Value | int
    condition: Condition = ALWAYS
    get_old: bool = False
    op: str = ""

    def form(self) -> Command[KeyView]:
        if not isinstance(self.value, int):
            return super().form()
        from git_keyval.commands.counters import Assign  # noqa: PLC0415  # most values are no counters

        return Assign(number=self.value, **{name: vars(self)[name] for name in Assign.declared.keys() & vars(self).keys()})

    @property
    def _is_plain(self) -> bool:
        return not (self.condition or self.keep_ttl or self.get_old)

    def blind_write(self, moment: Moment) -> Change | None:
        """Return the change that needs no read, if there is one.

        Most often there is nothing where nothing shall be: what is there is looked at only if it is in the way.
        """
        if self.condition not in {ALWAYS, IF_ABSENT} or self.keep_ttl or self.get_old:
            return None
        lifetime, record = self.lifetime(moment), self._record(moment)
        whole = _unconditional(moment.naming, self.key, record, lifetime, ABSENT if self.condition else ANY)
        answer = Answer(found=False if self.condition else None, applied=True, version=record.commit.oid)
        return Change(joined(whole, self.stored_key(moment)), lasting(answer, lifetime))

    def plans(self, moment: Moment) -> Sequence[Oid]:
        # What is encrypted is another value each time.
        value = () if moment.cipher.encryption else (self._record(moment).commit.oid,)
        return (*value, *super().plans(moment))

    def reads(self) -> OneKey:
        return OneKey(keys=[self.key]) if self._is_plain else OneKey(keys=[self.key], depth=Depth.VALUES, exact=True)

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        if self._is_plain:
            return self._change(view, moment, Answer(), alive=False)
        alive, found, old_value = view.alive(), view.exists(), view.old_value()
        if not self.condition.met(view):
            return Answer(found=found, applied=False, version=view.live_version(), old_value=old_value)
        return self._change(view, moment, Answer(found=alive, old_value=old_value), alive=alive)

    def _change(self, view: KeyView, moment: Moment, answer: Answer, *, alive: bool) -> Change:
        lifetime, record = self.lifetime(moment), self._record(moment)
        ending = view.expiry() if lifetime is KEEP and alive else lifetime
        answer = lasting(replace(answer, applied=True, version=record.commit.oid), ending)
        transaction = joined(_compare_and_set(view, record, lifetime, alive=alive), self.stored_key(moment))
        # Had a rival written the same value, that would be the old one; or had one written the value from before once more.
        return Change(transaction, answer, "neither" if self.get_old else "refs")

    def _record(self, moment: Moment) -> Record:
        assert isinstance(self.value, Value)
        return moment.data(self.key.id, self.value)


class Append(Recorded[KeyView], Storing, OfKey):
    """Add text at the end of a key's value.

    The value and what is added are both text or both bytes. A key that does not exist begins with what is added; the lifetime of
    one that does stays. ``count`` is how many bytes the value has then. A lost reply leaves it open whether the text was added: a
    rival may have added the same, or undone it. Then OutcomeUnknownError is raised, unless there is an operation id: under one it
    is done once. Raises WrongTypeError for any other value, and BoundError for one that would be too large.
    """

    outputs = ("applied", "count", "version", "ttl", "expires-at")
    examples = ("git-keyval append history 'deployed 1.4.2; '",)

    depth = Depth.VALUES

    value: Value | int
    if_version: Oid | None = None

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        if not view.is_at(self.if_version):
            return Answer(applied=False, version=view.live_version())
        longer = self._longer(view)
        record = moment.data(self.key.id, longer)
        answer = lasting(Answer(applied=True, count=len(longer.data), version=record.commit.oid), view.live_expiry())
        change = _compare_and_set(view, record, KEEP, alive=view.alive())
        return Change(joined(change, self.stored_key(moment)), answer, proof="neither")

    def _longer(self, view: KeyView) -> Value:
        if not isinstance(self.value, Value) or self.value.type not in _APPENDABLE:
            raise InputError("type", "cannot be appended", "string or bytes")
        held = view.value(self.name) if view.exists() else replace(self.value, data=b"")
        if not isinstance(held, Value) or held.type != self.value.type:
            raise WrongTypeError(self.name, view.held_type(), f"a {TYPE_NAMES[self.value.type]}")
        added(len(held.data), len(self.value.data), MAX_VALUE_BYTES, "the size of a value in bytes")
        return replace(held, data=held.data + self.value.data)


class Del(Recorded[KeyViews], OfKeys):
    """Delete keys.

    Each goes in a transaction of its own, all in one request; ``count`` is how many existed and are gone now. What nobody can read
    is deleted, too: that is how a person repairs it.
    """

    outputs = ("applied", "count")
    examples = ("git-keyval del greeting session",)

    if_version: Oid | None = None

    def decide(self, view: KeyViews, moment: Moment) -> Each:
        prefixes = tuple(moment.naming.element_expiries(key.key_id) for key in view if key.holds_elements())
        if prefixes and view.beside is None:
            raise UnreadError(MoreRefs(Selection(prefixes=prefixes), Depth.OIDS))
        expiries = _element_expiries(view)
        deletable = [key for key in view if exists_or_unreadable(key) and key.is_at(self.if_version)]
        deletions = {key.key_id: Transaction((*_all_deletions(key), *expiries[key.key_id])) for key in deletable}
        return Each(deletions, [Transaction(orphan) for key in view if (orphan := _orphan(key)) and key.key_id not in deletions])


class Getdel(Recorded[KeyView], OfKey):
    """Delete a key and answer with its value; one caller only gets it.

    The value is parked below gc/.
    """

    outputs = ("found", "applied", "value", "json", "type", "version", "ttl", "expires-at")
    examples = ("git-keyval getdel inbox --output-file message.txt",)

    depth = Depth.VALUES

    if_version: Oid | None = None

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        if not view.exists():
            return Answer(found=False, applied=False, ttl=NO_KEY)
        value = view.value("getdel")
        if not view.is_at(self.if_version):
            return Answer(found=True, applied=False, version=view.live_version())
        # If the reply is lost, the branch of that name shows that the write came through.
        parked = moment.naming.parked(self.key.id, timestamp(moment.now))
        park = RefUpdate(parked, ABSENT, view.version or NULL_COMMIT.oid)
        objects = () if view.version else (*DUMMY_OBJECTS, NULL_COMMIT)
        return Change(
            Transaction((park, *_all_deletions(view)), objects),
            _shown(view, Answer(found=True, applied=True, value=value)),
            Witness(parked),
            takes=value,
            parked=[Parked(parked, view.value_name)],
        )


class Exists(OfKeys):
    """Tell whether keys exist.

    ``count`` is how many of them do; ``found`` says whether all do.
    """

    outputs = ("found", "count")
    examples = ("git-keyval exists deploy logo", "git-keyval exists deploy --exit-code > /dev/null && echo deployed")

    def decide(self, view: KeyViews, moment: Moment) -> Answer:
        count = sum(key.exists() for key in view)
        return Answer(found=count == len(self.keys), count=count)


class Type(OfKey):
    """Tell the type of a key's value."""

    outputs = ("found", "type", "version")
    examples = ("git-keyval type deploy",)

    def decide(self, view: KeyView, moment: Moment) -> Answer:
        if not view.exists():
            return Answer(found=False)
        return Answer(found=True, type=view.held_type(), version=view.live_version())


class Mget(OfKeys):
    """Read several keys at once.

    The answer is a JSON object by key; absent keys are left out of it.
    """

    omits = ("key", "key-env", "ref")
    outputs = ("found", "json", "count")
    examples = ("git-keyval mget deploy greeting --json | jq .json.deploy.commit",)

    def reads(self) -> ManyKeys:
        return ManyKeys(keys=self.keys, depth=Depth.VALUES, exact=True)

    def decide(self, view: KeyViews, moment: Moment) -> Answer:
        document: dict[str, JsonValue] = {}
        for key, of_key in zip(self.keys, view, strict=True):
            if of_key.exists():
                value = of_key.value("mget")
                document[key.label] = value if isinstance(value, int) else as_json(value)
        return Answer(found=len(document) == len(self.keys), count=len(document), document=document)


class Mset(Recorded[KeyViews], Lasting):
    """Write several keys, all or none."""

    outputs = ("applied", "count")
    examples = (
        "git-keyval mset region eu tier gold",
        'git-keyval mset \'{"region": "eu", "replicas": 3}\'',
        "git-keyval mset - --store-key < settings.json",
    )

    values: Mapping[Key, Value]
    store_key: bool = False

    @property
    def keys_used(self) -> Sequence[Key]:
        return list(self.values)

    def about(self, key_ids: Collection[KeyId]) -> Self:
        return self.but(values={key: value for key, value in self.values.items() if key.id in key_ids})

    def blind_write(self, moment: Moment) -> Change:
        lifetime, records = self.lifetime(moment), self._records(moment)
        parts = [_unconditional(moment.naming, key, record, lifetime, ANY) for key, record in records.items()]
        return self._change(parts, moment)

    def reads(self) -> ManyKeys:
        return ManyKeys(keys=self.keys_used)

    def decide(self, view: KeyViews, moment: Moment) -> Change:
        lifetime, records = self.lifetime(moment), self._records(moment).values()
        return self._change(
            [_compare_and_set(key, record, lifetime, alive=False) for key, record in zip(view, records, strict=True)], moment
        )

    def _records(self, moment: Moment) -> Mapping[Key, Record]:
        return {key: moment.data(key.id, value) for key, value in self.values.items()}

    def _change(self, parts: Sequence[Transaction], moment: Moment) -> Change:
        keys = stored(moment.naming, list(self.values) if self.store_key else [])
        return Change(joined(*parts, keys), Answer(applied=True, count=len(self.values)))


def _unconditional(naming: Naming, key: Key, record: Record, lifetime: int | Lifetime, expect: Expect) -> Transaction:
    # The value moves first: a reader that comes in between may find the new value with the old expiry, never the reverse.
    ending = encode_expiry(lifetime).oid if isinstance(lifetime, int) else DELETE
    updates = (RefUpdate(naming.value(key.id), expect, record.commit.oid), RefUpdate(naming.expiry(key.id), ANY, ending))
    return Transaction(updates, (*record.objects, *expiry_objects(lifetime)))


def _compare_and_set(view: KeyView, record: Record, lifetime: int | Lifetime, *, alive: bool) -> Transaction:
    value = RefUpdate(view.value_name, view.expected(view.value_name), record.commit.oid)
    return Transaction((value, *expiry_update(view, lifetime, alive=alive)), (*record.objects, *expiry_objects(lifetime)))


def _element_expiries(view: KeyViews) -> Mapping[KeyId, Sequence[RefUpdate]]:
    """Delete the expiries of all elements of the keys. Whoever adds one meanwhile leaves an orphan."""
    found: dict[KeyId, list[RefUpdate]] = defaultdict(list)
    for name, oid in view.beside.refs.items() if view.beside else ():
        if (record := record_parts(name)) is not None:
            found[KeyId(record[2])].append(RefUpdate(name, oid, DELETE))
    return found


def _orphan(view: KeyView) -> tuple[RefUpdate, ...]:
    """Return the deletion of a stored key without a value, which nothing else ever removes."""
    return view.deletions(view.key_name) if view.version is None else ()


def _all_deletions(view: KeyView) -> tuple[RefUpdate, ...]:
    # The value goes first: without its value a key is absent, whatever else is still there.
    return view.deletions(view.value_name, view.expiry_name, view.key_name, *view.crumbs)


def _shown(view: KeyView, answer: Answer) -> Answer:
    return lasting(replace(answer, type=view.held_type(), version=view.live_version()), view.live_expiry())
