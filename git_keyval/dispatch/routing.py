"""Where each key lives: a command runs once in each repository that holds some of its keys, and the answers are joined.

The digits of a key id choose the repository where the search begins, and redirects lead on from there. Commands know nothing of it:
one that reads a redirect says so before it has written anything, and is run again for those keys where they live.
"""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import cast

from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound
from git_keyval.database.database import Database
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.dispatch.location import GithubServer, beside, github_name, identity, owner_of, shown_address
from git_keyval.errors import (
    GitKeyvalError,
    InputError,
    PartlyWrittenError,
    RedirectedError,
    RedirectNotFollowedError,
    SeveralRepositoriesError,
)
from git_keyval.format.canonical import JsonValue
from git_keyval.format.names import KeyId
from git_keyval.format.redirects import MAX_HOPS, Redirect
from git_keyval.light_dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, by the name under which it is opened, and the shard length there."""

    repository: str
    shard_length: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Which redirects are followed: to repositories that match one of ``allowed``, and none at all unless ``follows``.

    Without a list, they may lead to repositories of the owner of the one where the search began.
    """

    server: GithubServer
    allowed: Sequence[str] | None = None
    follows: bool = True

    def next_place(self, trail: Sequence[Place], redirect: Redirect) -> Place:
        """Return where a redirect leads from the last place of a trail. Raises RedirectNotFollowedError."""
        place = self.place_of(trail[-1], redirect)
        refusal = partial(RedirectNotFollowedError, redirect.repository)
        if not self._allows(trail[0], redirect):
            raise refusal("it is of another owner", "If you trust it, name it in `redirect-allow`.")
        if self._same(place) in map(self._same, trail):
            raise refusal("redirects lead in a circle", "Correct one of them with 'redirect'.")
        if len(trail) > MAX_HOPS:
            raise refusal(f"there were {MAX_HOPS} redirects before it", "Redirect the key to where it lives.")
        return place

    def begun(self, home: Place, redirect: Redirect) -> tuple[Place, ...]:
        """Return the trail over a redirect that is still to be made, to a repository that the user named."""
        place = self.place_of(home, redirect)
        if self._same(place) == self._same(home):
            raise InputError("redirect-to", "names the repository that holds the key", "another repository")
        return home, place

    def place_of(self, holder: Place, redirect: Redirect) -> Place:
        """Return the place that a redirect means in the repository that holds it: of the same server, in the folder beside it."""
        repository = beside(holder.repository, redirect.repository, self.server)
        if repository is None:
            raise RedirectNotFollowedError(
                redirect.repository,
                "the repository that holds the redirect has no owner in its address",
                "Name it by an address or path that ends with owner/name.",
            )
        return Place(repository, redirect.shard_length)

    def _allows(self, home: Place, redirect: Redirect) -> bool:
        # On GitHub, capitals make no difference.
        folded = str.lower if github_name(home.repository, self.server) else str
        name = folded(redirect.repository)
        owners = f"{name.partition('/')[0]}/*"
        if self.allowed is None:
            return folded(f"{owner_of(home.repository, self.server)}/*") == owners
        return not {name, owners, "*"}.isdisjoint(map(folded, self.allowed))

    def _same(self, place: Place) -> tuple[str, int]:
        return identity(place.repository, self.server), place.shard_length


@dataclass(frozen=True, slots=True)
class Routes:
    """Runs a command where its keys live: the search begins where ``begin`` says. ``database`` opens the database of a place."""

    policy: Policy
    begin: Callable[[KeyId], Place]
    database: Callable[[Place], Database]

    def run(self, command: Bound) -> Answer:
        """Run a command of one key or of several for all of them, and return one answer.

        Raises what the command raises; PartlyWrittenError where something was written in another repository before; RedirectedError
        and RedirectNotFollowedError for redirects that are not followed.
        """
        for key_id, target in command.redirects.items():
            self.policy.begun(self.begin(key_id), target)  # a redirect that nobody could follow is not made
        if command.apart:
            return command.combined(self._each(command.apart))
        return self._follow(command, {key.id: (self.begin(key.id),) for key in command.keys_used})

    def _each(self, commands: Sequence[Bound]) -> list[Answer | GitKeyvalError]:
        """Run commands in order, each for itself, and return what each answers, or fails with.

        Those that follow each other, share no key and are about one repository are performed together.
        """
        from git_keyval.database.transaction import perform_each  # noqa: PLC0415  # no other command needs it

        ends: list[Answer | GitKeyvalError] = []
        for place, together in self._together(commands):
            if place is None or len(together) == 1:
                ends += map(self._end, together)
                continue
            try:
                done = zip(together, perform_each(self.database(place), together), strict=True)
                # What was moved to another repository meanwhile has written nothing, and is followed there.
                ends += [self._end(command) if isinstance(end, MovedError) else end for command, end in done]
            except MovedError:
                ends += map(self._end, together)
            except GitKeyvalError as exc:
                ends += [exc] * len(together)
        return ends

    def _together(self, commands: Sequence[Bound]) -> Iterator[tuple[Place | None, list[Bound]]]:
        """Yield commands that can be performed together, with their place; None for one that is about several."""
        begun: list[Bound] = []
        used: set[KeyId] = set()
        at: Place | None = None
        for command in commands:
            keys = {key.id for key in command.keys_used}
            places = {self.begin(key_id) for key_id in keys}
            place = places.pop() if len(places) == 1 else None
            if begun and (place is None or place != at or keys & used):
                yield at, begun
                begun, used = [], set()
            begun, used, at = [*begun, command], used | keys, place
        if begun:
            yield at, begun

    def _end(self, command: Bound) -> Answer | GitKeyvalError:
        try:
            return self.run(command)
        except GitKeyvalError as exc:
            return exc

    def held(self, targets: Mapping[Key, Redirect]) -> Collection[KeyId]:
        """Return which of the keys exist where a redirection would lead them, followed from there as a reader would."""
        from git_keyval.commands.redirects import Held  # noqa: PLC0415  # no other command needs it

        trails = {key.id: self.policy.begun(self.begin(key.id), target) for key, target in targets.items()}
        reading = Routes(replace(self.policy, follows=True), self.begin, self.database)
        return cast("Collection[KeyId]", reading._follow(Held(keys=list(targets)), trails).document)

    def _follow(self, command: Bound, trails: dict[KeyId, tuple[Place, ...]]) -> Answer:
        done: list[tuple[Place, Answer]] = []
        while trails:
            if command.indivisible and len(places := {trail[-1] for trail in trails.values()}) > 1:
                raise SeveralRepositoriesError(sorted({shown_address(place.repository) for place in places}))
            place = next(iter(trails.values()))[-1]
            here = {key_id for key_id, trail in trails.items() if trail[-1] == place}
            try:
                database = replace(self.database(place), held_at_target=self.held)
                done.append((place, perform(database, command.about(here))))
                trails = {key_id: trail for key_id, trail in trails.items() if key_id not in here}
            except MovedError as exc:
                trails |= self._onward(trails, exc, done)
            except GitKeyvalError as exc:
                raise _after(done, place, exc) from exc
        return joined([answer for _, answer in done], [key.label for key in command.keys_used])

    def _onward(
        self, trails: Mapping[KeyId, tuple[Place, ...]], moved: MovedError, done: Sequence[tuple[Place, Answer]]
    ) -> dict[KeyId, tuple[Place, ...]]:
        """Return the trails of keys that live elsewhere, each with the place it goes on at."""
        try:
            if not self.policy.follows:
                raise RedirectedError(moved.repositories)
            return {
                key_id: (*trails[key_id], self.policy.next_place(trails[key_id], redirect))
                for key_id, redirect in moved.targets.items()
            }
        except GitKeyvalError as exc:
            raise _after(done, trails[next(iter(moved.targets))][-1], exc) from exc


def joined(answers: Sequence[Answer], labels: Sequence[str]) -> Answer:
    """Return one answer for several repositories: sums, and members in the order of the labels; keys are found if all are."""
    if len(answers) == 1:
        return answers[0]
    document = _document(answers, labels)
    return Answer(
        found=_of_flags(any if isinstance(document, list) else all, [answer.found for answer in answers]),
        applied=_of_flags(any, [answer.applied for answer in answers]),
        count=sum(answer.count or 0 for answer in answers),
        document=document,
    )


def _document(answers: Sequence[Answer], labels: Sequence[str]) -> dict[str, JsonValue] | list[JsonValue] | None:
    documents = [answer.document for answer in answers]
    lists = [listed for listed in documents if isinstance(listed, list)]
    if lists:
        return sorted(chain.from_iterable(lists), key=_place)
    members = ChainMap(*(document for document in documents if isinstance(document, dict)))
    return {label: members[label] for label in labels if label in members} or None


def _place(listed: JsonValue) -> list[str]:
    """Return by what something listed is sorted: a name, or an object that begins with one."""
    return [str(member) for member in (listed.values() if isinstance(listed, dict) else [listed])]


def _of_flags(fold: Callable[[Iterable[bool]], bool], flags: Iterable[bool | None]) -> bool | None:
    """Return what the flags say together; None if there are none."""
    known = [flag for flag in flags if flag is not None]
    return fold(known) if known else None


def _after(done: Sequence[tuple[Place, Answer]], place: Place, error: GitKeyvalError) -> GitKeyvalError:
    """Return the error of a command that has written in some repositories before it failed in another."""
    written = [shown_address(before.repository) for before, result in done if result.applied]
    return PartlyWrittenError(written, shown_address(place.repository), error) if written else error
