"""The REST routes of refs. They know no expected old value: a client that needs one has to use ``updateRefs`` or git."""

from tests.emulator.answers import json_answer, refuse
from tests.emulator.bodies import TEXT, Member, text_of
from tests.emulator.calls import Call
from tests.emulator.objects import ZERO, Oid
from tests.emulator.refs import HEADS, TAGS, Change, apply_changes, is_fast_forward, is_reserved, is_valid_name
from tests.emulator.rules import act_of, name_is_refused, protection
from tests.servers.loopback import Answer


def get_ref(call: Call, short: str) -> Answer:
    """Show one branch or tag; the answer of other namespaces is that of an absent ref."""
    name = f"refs/{short}"
    oid = call.refs.get(name) if name.startswith((HEADS, TAGS)) else None
    if oid is None:
        raise refuse(404, "Not Found")
    return json_answer(200, _shape(call, name, oid))


def matching_refs(call: Call, short: str) -> Answer:
    """Show all refs whose names start with a string, in one answer: ``per_page`` and ``page`` are ignored, as by GitHub."""
    found = call.refs.starting(f"refs/{short}")
    kinds = {oid: call.objects.kind(oid) or "commit" for oid in set(found.values())}
    return json_answer(200, [call.shapes.ref(name, oid, kinds[oid]) for name, oid in found.items()])


def create_ref(call: Call) -> Answer:
    body = call.body({"ref": TEXT, "sha": TEXT})
    name, oid = text_of(body, "ref"), Oid(text_of(body, "sha"))
    if not is_valid_name(name):
        raise refuse(422, f"{name} is not a valid ref name.")
    if call.objects.get(oid) is None:
        raise refuse(422, "Object does not exist")
    if call.refs.get(name) is not None:
        raise refuse(422, "Reference already exists")
    _apply(call, Change(name, ZERO, oid))
    return json_answer(201, _shape(call, name, oid))


def update_ref(call: Call, short: str) -> Answer:
    body = call.body({"sha": TEXT, "force": Member(bool)})
    name, oid = f"refs/{short}", Oid(text_of(body, "sha"))
    before = call.refs.get(name)
    if before is None:
        raise refuse(422, "Reference does not exist")
    if call.objects.get(oid) is None:
        raise refuse(422, "Object does not exist")
    if not body.get("force", False) and not is_fast_forward(call.repository.path, before, oid):
        raise refuse(422, "Update is not a fast forward")
    _apply(call, Change(name, before, oid))
    return json_answer(200, _shape(call, name, oid))


def delete_ref(call: Call, short: str) -> Answer:
    name = f"refs/{short}"
    before = call.refs.get(name)
    if before is None:
        raise refuse(422, "Reference does not exist")
    if name == call.refs.default_branch():
        raise refuse(422, "Cannot delete the default branch")
    _apply(call, Change(name, before, ZERO))
    return Answer(204)


def _apply(call: Call, change: Change) -> None:
    """Change one ref. What git refuses has one text on GitHub, a directory in the way of the name included."""
    rule = protection(call.options, change.name, act_of(change.before, change.after))
    if rule:
        raise refuse(422, f"Repository rule violations found\n\n{rule}\n\n")
    refused = name_is_refused(change.name) if change.before == ZERO else is_reserved(change.name)
    no_commit = change.name.startswith(HEADS) and change.after != ZERO and call.objects.kind(change.after) != "commit"
    if refused or no_commit:
        raise refuse(422, "Reference update failed")
    call.repository.remember([change.name])
    if not apply_changes(call.repository.path, [change]):
        raise refuse(422, "Reference update failed")


def _shape(call: Call, name: str, oid: Oid) -> dict[str, object]:
    return call.shapes.ref(name, oid, call.objects.kind(oid) or "commit")
