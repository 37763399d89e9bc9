"""The mutations: they check what GitHub checks, and change refs in one transaction of git, or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.emulator.access import Permission
from tests.emulator.nodes import GraphError, RefNode, RepositoryNode, Session, View
from tests.emulator.objects import ZERO, Oid
from tests.emulator.refs import HEADS, TAGS, Change, Refs, apply_changes, is_fast_forward, is_reserved
from tests.emulator.rules import TOO_MANY_REFS, act_of, name_is_refused, protection
from tests.emulator.shapes import parse_node_id

UNPROCESSABLE = "UNPROCESSABLE"


@dataclass(frozen=True)
class Payload:
    """The payload of a mutation. That of ``updateRefs`` says nothing about refs: nobody learns which of them was refused."""

    client_mutation_id: object
    ref: RefNode | None = None


def writable(session: Session, repository_id: str) -> RepositoryNode:
    """Find the repository of a mutation, which needs the permission to write."""
    try:
        kind, parts = parse_node_id(repository_id)
    except ValueError:
        kind, parts = "", [""]
    found = session.numbered(parts[0]) if kind == "R" else None
    if found is None:
        raise GraphError("NOT_FOUND", f"Could not resolve to a node with the global id of '{repository_id}'")
    if session.access.allowed(session.token, found.name_with_owner) < Permission.WRITE:
        raise GraphError("FORBIDDEN", "Resource not accessible by integration")
    return found


def update_refs(session: Session, input: Mapping[str, object]) -> Payload:
    view = writable(session, str(input["repositoryId"])).view
    updates = input["refUpdates"]
    assert isinstance(updates, list)
    limit = session.options.max_ref_updates
    if limit is not None and len(updates) > limit:
        raise GraphError(UNPROCESSABLE, TOO_MANY_REFS.format(limit=limit))
    names = [update["name"] for update in updates]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise GraphError(UNPROCESSABLE, f"{repeated} is updated more than once.")
    with view.repository.lock:
        refs = view.repository.refs()
        _commit(view, [_check(view, refs, update) for update in updates])
    return Payload(input.get("clientMutationId"))


def _check(view: View, refs: Refs, update: Mapping[str, object]) -> Change:
    """Find what one update does to the ref as it is now, or refuse it."""
    name, after, expected = str(update["name"]), Oid(str(update["afterOid"])), update.get("beforeOid")
    options = view.session.options
    now = refs.get(name) or ZERO
    if expected is not None and expected != now:
        raise GraphError(options.stale_type, options.stale_message.format(name=name, expected=expected))
    if after == ZERO and now == ZERO and expected is None and options.absent_delete == "refuse":
        raise GraphError(UNPROCESSABLE, f"{name} does not exist.")
    if now == after:
        return Change(name, now, after)
    check_change(view, refs, Change(name, now, after))
    if ZERO not in {now, after} and not update["force"] and not is_fast_forward(view.repository.path, now, after):
        raise GraphError(UNPROCESSABLE, f"Update of {name} is not a fast forward.")
    return Change(name, now, after)


def check_change(view: View, refs: Refs, change: Change) -> None:
    """Refuse what rules, names and kinds of objects forbid."""
    rule = protection(view.session.options, change.name, act_of(change.before, change.after))
    if rule:
        raise GraphError(UNPROCESSABLE, f"Repository rule violations found for {change.name}\n\n{rule}")
    if is_reserved(change.name):
        raise GraphError(UNPROCESSABLE, f"{change.name} is a ref that only GitHub updates.")
    if change.after == ZERO:
        if change.name == refs.default_branch():
            raise GraphError(UNPROCESSABLE, f"{change.name} is the default branch and cannot be deleted.")
        return
    kind = None if view.session.lags else view.repository.objects.kind(change.after)
    if kind is None:
        raise GraphError(UNPROCESSABLE, f"Object {change.after} does not exist.")
    if change.before == ZERO and name_is_refused(change.name):
        raise GraphError(UNPROCESSABLE, f"{change.name} is not a valid ref name.")
    if change.name.startswith(HEADS) and kind != "commit":
        raise GraphError(UNPROCESSABLE, f"{change.name} cannot point to a {kind}.")


def _commit(view: View, changes: Sequence[Change]) -> None:
    view.repository.remember(change.name for change in changes)
    if not apply_changes(view.repository.path, changes):
        # A directory in the way of a name, or somebody who writes to the repository on disk was faster.
        raise GraphError(UNPROCESSABLE, "Refs cannot be updated.")


def create_ref(session: Session, input: Mapping[str, object]) -> Payload:
    view = writable(session, str(input["repositoryId"])).view
    name, oid = str(input["name"]), Oid(str(input["oid"]))
    with view.repository.lock:
        refs = view.repository.refs()
        if refs.get(name):
            raise GraphError(UNPROCESSABLE, f'A ref named "{name}" already exists in the repository.')
        check_change(view, refs, Change(name, ZERO, oid))
        view.repository.remember([name])
        if not apply_changes(view.repository.path, [Change(name, ZERO, oid)]):
            raise GraphError(UNPROCESSABLE, "Ref cannot be created.")
    prefix = next((prefix for prefix in (HEADS, TAGS) if name.startswith(prefix)), "refs/")
    return Payload(input.get("clientMutationId"), RefNode(view, name, oid, prefix))


def delete_ref(session: Session, input: Mapping[str, object]) -> Payload:
    ref_id = str(input["refId"])
    try:
        kind, parts = parse_node_id(ref_id)
    except ValueError:
        kind, parts = "", [""]
    found = session.numbered(parts[0]) if kind == "REF" and len(parts) == 2 else None
    before = found.view.repository.refs().get(parts[1]) if found else None
    if found is None or before is None:
        raise GraphError("NOT_FOUND", f"Could not resolve to a node with the global id of '{ref_id}'")
    view = writable(session, found.id).view
    with view.repository.lock:
        change = Change(parts[1], before, ZERO)
        check_change(view, view.repository.refs(), change)
        _commit(view, [change])
    return Payload(input.get("clientMutationId"))
