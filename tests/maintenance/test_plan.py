"""What the items of a plan say, each in the words of its kind, and what a run says of all of them together."""

import pytest

from git_keyval.format.names import RefName
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import Action, Counts, Kind, Left, Plan, Trouble
from git_keyval.maintenance.report import achieved
from git_keyval.store.port import ANY, DELETE, RefUpdate, Transaction

REF = RefName("refs/heads/kv-0a/val-0a0a")
NOON = 1_767_268_800

SAID: dict[Kind, list[tuple[Counts, str, str]]] = {
    Kind.FOLD_BREADCRUMBS: [
        (Counts(increments=1), "1 increment added", "1 breadcrumb of 1 counter gathered"),
        (
            Counts(increments=1_000, void_breadcrumbs=2),
            "1,000 increments added, 2 void",
            "1,000 breadcrumbs of 1 counter gathered, 2 void breadcrumbs deleted",
        ),
    ],
    Kind.DELETE_VOID_BREADCRUMBS: [
        (Counts(void_breadcrumbs=1), "1 breadcrumb void: voided by a set, or counted before", "1 void breadcrumb deleted")
    ],
    Kind.DELETE_STRAY_BREADCRUMBS: [
        (Counts(void_breadcrumbs=2), "2 breadcrumbs void: the key holds no counter", "2 void breadcrumbs deleted")
    ],
    Kind.SWEEP_KEY: [(Counts(keys=1), "expired 2026-01-01T12:00:00Z", "1 expired key removed")],
    Kind.SWEEP_EXPIRY: [
        (Counts(leftover_expiries=1), "an expiry without a key, expired 2026-01-01T12:00:00Z", "1 leftover expiry removed")
    ],
    Kind.SWEEP_ELEMENTS: [
        (Counts(elements=1, collections=1), "1 element expired", "1 expired element of 1 key removed"),
        (
            Counts(elements=2, collections=1, leftover_expiries=1),
            "2 elements expired, 1 expiry without an element",
            "2 expired elements of 1 key removed, 1 leftover expiry removed",
        ),
    ],
    Kind.SWEEP_ELEMENT_EXPIRIES: [(Counts(leftover_expiries=2), "2 expiries without an element", "2 leftover expiries removed")],
    Kind.SWEEP_STRAY_EXPIRIES: [
        (Counts(leftover_expiries=2), "2 expiries of elements without a key", "2 leftover expiries removed")
    ],
    Kind.PURGE_PARKED: [(Counts(parked=1), "parked longer than the retention", "1 parked value deleted")],
    Kind.PURGE_MALFORMED: [(Counts(malformed=1), "malformed: {odd}", "1 malformed breadcrumb deleted")],
    Kind.PARK_DAMAGED: [(Counts(repaired=1), "parked below gc/: {odd}", "1 damaged record repaired")],
    Kind.DELETE_DAMAGED: [(Counts(repaired=2), "deleted: {odd}", "2 damaged records repaired")],
    Kind.TAKE_OUT_ELEMENT: [
        (Counts(repaired=1), "an element taken out, and the key parked as it was: {odd}", "1 damaged record repaired")
    ],
    Kind.MAKE_ANCHOR: [(Counts(repaired=1), "made as it should be: {odd}", "1 damaged record repaired")],
    Kind.REMOVE_LOCK: [(Counts(repaired=1), "removed: {odd}", "1 damaged record repaired")],
    Kind.PUBLISH_EXPIRY: [(Counts(published=1), "for keys that expire 2026-01-01T12:00:00Z", "1 expiry id published")],
}


def action(kind: Kind, counts: Counts) -> Action:
    return Action(REF, kind, Transaction((RefUpdate(REF, ANY, DELETE),)), counts, NOON, "{odd}")


@pytest.mark.parametrize("kind", Kind)
def test_an_action_says_why_it_is_done_and_a_run_what_it_did(kind: Kind) -> None:
    for counts, why, did in SAID[kind]:
        done = Done(Plan("job"), planned=1, applied=[action(kind, counts)])
        assert (done.applied[0].why, achieved([done], dry_run=False)) == (why, did)


def test_a_run_sums_up_what_its_jobs_did() -> None:
    """A counter that takes two writes is one counter."""
    fold = action(Kind.FOLD_BREADCRUMBS, Counts(increments=2))
    jobs = [Done(Plan(job), planned=2, applied=[fold, action(Kind.SWEEP_KEY, Counts(keys=1)), fold]) for job in ("a", "b")]
    assert achieved(jobs, dry_run=False) == "8 breadcrumbs of 1 counter gathered, 2 expired keys removed"
    assert achieved([], dry_run=False) == ""


def test_what_a_server_says_is_repeated_as_it_is() -> None:
    assert Left(REF, Trouble.REFUSED, "{0} {}").why == "the server refused: {0} {}"
