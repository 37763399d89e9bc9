"""wait: a condition that is looked at until it is met."""

from typing import ClassVar

from git_keyval.commands.pauses import Waiting
from git_keyval.commands.transactions import Compared
from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.collections import CollectionView, shown_element
from git_keyval.database.command import Moment, Wait
from git_keyval.database.keys import COUNTER_TYPE, KeyView
from git_keyval.database.lifetimes import lasting
from git_keyval.errors import InputError, NotMetInTimeError
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import Depth, Selection


class WaitUntil(Compared):
    """Wait until a key, or a field of a map, is as it should be, and read it.

    ``until`` says for what: that it is present or absent; that its value equals a text, or is a number of at least so much, or less
    than that; or that it has changed: since ``if-version``, or else since the first look. It is looked at until ``wait`` is over;
    without it, once. ``met`` says whether it is so; all else is what is there by then. A key that expires meanwhile is absent from
    then on. Raises WrongTypeError for a value that cannot be compared.
    """

    name = "wait"
    stands_alone = True
    outputs = ("met", "found", "value", "json", "type", "version", "ttl", "expires-at", "url")
    examples: ClassVar[tuple[str, ...]] = (
        "git-keyval wait deploy --until present --wait 10m",
        "git-keyval wait builds --until at-least --at-least 1 --exit-code > /dev/null && echo 'one is done'",
    )

    depth = Depth.VALUES

    until: str
    if_version: Oid | None = None
    wait: int = 0
    on_failed: str = "ok"

    def validate(self, moment: Moment) -> None:
        bounds = {"equals": self.equals, "less-than": self.less_than, "at-least": self.at_least, "if-version": self.if_version}
        for name, bound in bounds.items():
            until = "changed" if name == "if-version" else name
            if until != self.until and bound is not None:
                raise InputError(name, f"goes with `until: {until}` only", f"no `{name}`, or `until: {until}`")
            if name == self.until and bound is None:
                raise InputError(name, f"is missing for `until: {until}`", f"`{name}`, or another `until`")

    def decide(self, view: KeyView | CollectionView, moment: Moment) -> Answer | Wait:
        waiting = Waiting.of(moment, self.wait, _state(view, self.field))
        is_met = self._is_met_since(view, waiting.first)
        if not is_met and not waiting.is_over(moment.now):
            return waiting.paused(moment.now, "key", _watched(view, self.field), _endings(view, self.field))
        failure = NotMetInTimeError() if self.on_failed == "fail" and not is_met else None
        return replace(self._shown(view), met=is_met, failure=failure)

    def _is_met_since(self, view: KeyView | CollectionView, first: object) -> bool:
        match self.until:
            case "present" | "absent":
                return self.found(view) == (self.until == "present")
            case "changed" if self.if_version is not None:
                return not view.is_at(self.if_version)
            case "changed":
                return _state(view, self.field) != first
        return self.fits(view)

    def _shown(self, view: KeyView | CollectionView) -> Answer:
        if isinstance(view, CollectionView):
            return shown_element(view, self.field or "")
        if not view.exists():
            return Answer(found=False, ttl=NO_KEY)
        answer = Answer(found=True, type=view.held_type(), version=view.live_version())
        return lasting(answer if view.holds_elements() else replace(answer, value=self.value(view)), view.live_expiry())


class NextChange(WaitUntil):
    """Wait until a key, or a field of a map, is another than ``seen``, and read it; ``met`` says whether it is.

    It is a part of a watch. Without ``seen`` it is read at once. It is looked at every ``interval`` seconds, or less and less
    often.
    """

    name = "watch"
    examples: ClassVar[tuple[str, ...]] = ()

    until: str = "changed"
    seen: Answer | None = None
    interval: int | None = None

    def decide(self, view: KeyView | CollectionView, moment: Moment) -> Answer | Wait:
        waiting = Waiting.of(moment, self.wait, interval=self.interval)
        answer = self._shown(view)
        is_met = self.seen is None or _content(answer) != _content(self.seen)
        if is_met or waiting.is_over(moment.now):
            return replace(answer, met=is_met)
        # A name as a prefix is one that GitHub's API does not list; so git is asked, which counts against no limit of the API.
        of_key = view.view if isinstance(view, CollectionView) else view
        watched = Selection(_watched(view, self.field).names, (of_key.breadcrumb_prefix, of_key.value_name))
        return waiting.paused(moment.now, "key", watched, _endings(view, self.field))


def _content(answer: Answer) -> object:
    """Return what is another after a change."""
    return answer.found, answer.type, answer.version if answer.value is None else answer.value


def _state(view: KeyView | CollectionView, field: str | None) -> object:
    """Return what is another after a change: the number of a counter, which its versions do not tell, or what a write has made."""
    if isinstance(view, CollectionView):
        return view.stored[field or ""] if view.holds(field or "") else None
    if view.exists() and view.held_type() == COUNTER_TYPE:
        return view.value("wait")
    return view.live_version()


def _watched(view: KeyView | CollectionView, field: str | None) -> Selection:
    """Return the refs without whose move nothing changes but by time."""
    of_key = view.view if isinstance(view, CollectionView) else view
    names = (of_key.value_name, of_key.expiry_name, *((view.expiry_name(field or ""),) if isinstance(view, CollectionView) else ()))
    counts = not of_key.alive() or of_key.adds_breadcrumbs()
    return Selection(names, (of_key.breadcrumb_prefix,) if counts else ())


def _endings(view: KeyView | CollectionView, field: str | None) -> list[Micros]:
    """Return when what is there expires: the key, and the field."""
    of_key = view.view if isinstance(view, CollectionView) else view
    expiries = [of_key.live_expiry()]
    if isinstance(view, CollectionView) and view.holds(field or ""):
        expiries.append(view.expiry(field or ""))
    return [Micros(expiry * SECOND) for expiry in expiries if expiry is not None]
