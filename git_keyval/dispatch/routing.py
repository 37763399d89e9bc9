"""Where each key lives: a command runs once in each repository that holds some of its keys, and the answers are joined.

The digits of a key id choose the repository where the search begins, and redirects lead on from there. Commands know nothing of it:
one that reads a redirect says so before it has written anything, and is run again for those keys where they live.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from git_keyval.database.answers import Result
from git_keyval.database.database import Database
from git_keyval.database.keys import Key, MovedError
from git_keyval.dispatch.location import GithubServer, beside, github_name, identity, owner_of, shown_address
from git_keyval.errors import GitKeyvalError, InputError, PartlyWrittenError, RedirectedError, RedirectNotFollowedError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.names import KeyId
from git_keyval.format.redirects import MAX_HOPS, Redirect

Run = Callable[..., Result]


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

    @classmethod
    def of(cls, inputs: Mapping[str, object], server: GithubServer, *, writing: bool) -> "Policy":
        """Read the policy of a command from its inputs."""
        allowed = cast("Sequence[str] | None", inputs.get("redirect-allow"))
        return cls(server, allowed, follows=not writing or inputs.get("follow-writes") is True)

    def next_place(self, trail: Sequence[Place], redirect: Redirect) -> Place:
        """Give where a redirect leads from the last place of a trail. Raises RedirectNotFollowedError."""
        place = self.place_of(trail[-1], redirect)
        if not self._allows(trail[0], redirect):
            raise RedirectNotFollowedError(
                redirect.repository, "it is of another owner", "If you trust it, name it in the input 'redirect-allow'."
            )
        if self._same(place) in map(self._same, trail):
            raise RedirectNotFollowedError(
                redirect.repository, "redirects lead in a circle", "Correct one of them with 'redirect'."
            )
        if len(trail) > MAX_HOPS:
            raise RedirectNotFollowedError(
                redirect.repository, f"there were {MAX_HOPS} redirects before it", "Redirect the key to where it lives."
            )
        return place

    def begun(self, home: Place, redirect: Redirect) -> tuple[Place, ...]:
        """Give the trail over a redirect that is still to be made, to a repository that the user named."""
        place = self.place_of(home, redirect)
        if self._same(place) == self._same(home):
            raise InputError("redirect-to", "names the repository that holds the key", "another repository")
        return home, place

    def place_of(self, holder: Place, redirect: Redirect) -> Place:
        """Give the place that a redirect means in the repository that holds it: of the same server, in the folder beside it."""
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


class Routes:
    """Runs a command where its keys live. ``database`` opens the database of a place; one place is opened once."""

    def __init__(self, policy: Policy, begin: Callable[[KeyId], Place], database: Callable[[Place], Database]) -> None:
        """Begin the search for each key at the place that ``begin`` names; nothing is opened yet."""
        self._policy = policy
        self._begin = begin
        self._database = database

    def run(self, function: Run, arguments: Mapping[str, object]) -> Result:
        """Run a command of one key or of several for all of them, and give one answer.

        Raises what the command raises; PartlyWrittenError where something was written in another repository before; RedirectedError
        and RedirectNotFollowedError for redirects that are not followed.
        """
        for key_id, target in cast("Mapping[KeyId, Redirect]", arguments.get("targets", {})).items():
            self._policy.begun(self._begin(key_id), target)  # a redirect that nobody could follow is not made
        return self._run(function, arguments, {key.id: (self._begin(key.id),) for key in keys_of(arguments)})

    def held(self, keys: Sequence[Key], arguments: Mapping[str, object]) -> Collection[KeyId]:
        """Tell which of the keys exist where the command ``redirect`` would lead them, followed from there as a reader would."""
        from git_keyval.commands.redirects import held  # noqa: PLC0415  # no other command needs it

        targets = cast("Mapping[KeyId, Redirect]", arguments["targets"])
        trails = {key.id: self._policy.begun(self._begin(key.id), targets[key.id]) for key in keys}
        reading = Routes(replace(self._policy, follows=True), self._begin, self._database)
        return cast("Collection[KeyId]", reading._run(held, {"keys": keys}, trails).document)

    def _run(self, function: Run, arguments: Mapping[str, object], trails: dict[KeyId, tuple[Place, ...]]) -> Result:
        done: list[tuple[Place, Result]] = []
        while trails:
            place = next(iter(trails.values()))[-1]
            here = {key_id for key_id, trail in trails.items() if trail[-1] == place}
            try:
                done.append((place, function(self._database(place), **_of_some(arguments, here))))
                trails = {key_id: trail for key_id, trail in trails.items() if key_id not in here}
            except MovedError as exc:
                trails |= self._onward(trails, exc, done)
            except GitKeyvalError as exc:
                raise _after(done, place, exc) from exc
        return joined([result for _, result in done], [key.label for key in keys_of(arguments)])

    def _onward(
        self, trails: Mapping[KeyId, tuple[Place, ...]], moved: MovedError, done: Sequence[tuple[Place, Result]]
    ) -> dict[KeyId, tuple[Place, ...]]:
        """Give the trails of keys that live elsewhere, each with the place it goes on at."""
        try:
            if not self._policy.follows:
                raise RedirectedError(moved.repositories)
            return {
                key_id: (*trails[key_id], self._policy.next_place(trails[key_id], redirect))
                for key_id, redirect in moved.targets.items()
            }
        except GitKeyvalError as exc:
            raise _after(done, trails[next(iter(moved.targets))][-1], exc) from exc


def joined(results: Sequence[Result], labels: Sequence[str]) -> Result:
    """Give one answer for several repositories: sums, and members in the order of the labels.

    Keys are found if all are; a list is found if it has anything.
    """
    if len(results) == 1:
        return results[0]
    lists = [result.document for result in results if isinstance(result.document, list)]
    members: dict[str, JsonValue] = {}
    for result in results:
        members |= result.document if isinstance(result.document, dict) else {}
    listed: list[JsonValue] = [*sorted(cast("str", name) for names in lists for name in names)]
    found = [result.found for result in results if result.found is not None]
    applied = [result.applied for result in results if result.applied is not None]
    return Result(
        found=(any if lists else all)(found) if found else None,
        applied=any(applied) if applied else None,
        count=sum(result.count or 0 for result in results),
        document=listed if lists else {label: members[label] for label in labels if label in members} if members else None,
    )


def keys_of(arguments: Mapping[str, object]) -> list[Key]:
    """Give the keys of a command: one, several, several with their values, or none."""
    if "key" in arguments:
        return [cast("Key", arguments["key"])]
    return list(cast("Collection[Key]", arguments.get("keys", arguments.get("entries", ()))))


def _of_some(arguments: Mapping[str, object], key_ids: Collection[KeyId]) -> dict[str, object]:
    """Give the arguments of a command for some of its keys."""
    if "key" in arguments:
        return dict(arguments)
    if "keys" in arguments:
        return {**arguments, "keys": [key for key in cast("Sequence[Key]", arguments["keys"]) if key.id in key_ids]}
    entries = cast("Mapping[Key, object]", arguments["entries"])
    return {**arguments, "entries": {key: value for key, value in entries.items() if key.id in key_ids}}


def _after(done: Sequence[tuple[Place, Result]], place: Place, error: GitKeyvalError) -> GitKeyvalError:
    """Give the error of a command that has written in some repositories before it failed in another."""
    written = [shown_address(before.repository) for before, result in done if result.applied]
    return PartlyWrittenError(written, shown_address(place.repository), error) if written else error
