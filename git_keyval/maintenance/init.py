"""init: make a repository ready to be a database."""

from collections.abc import Sequence

from git_keyval.database.writing import Write, Writer
from git_keyval.errors import GitKeyvalError, MalformedRecordError, OutcomeUnknownError, WrongEncryptionKeyError
from git_keyval.format.anchors import Anchor, Mark, decode_anchor, encode_anchor
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH, OUR_TAGS_PREFIX, RefName
from git_keyval.format.objects import GitObject, Oid, blob, commit, tree
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.report import InitReport
from git_keyval.store.port import ABSENT, DELETE, Applied, RefUpdate, Refused, Transaction, refusal_of

_README = b"""# A git-keyval database

Keys are refs below refs/heads/kv-*, values are the commits they point at. Do not clone this repository with all its branches.
"""
_BRANCHES = "refs/heads/"


class NameTakenError(GitKeyvalError):
    """A branch or tag has a name that must be a directory of refs."""

    def __init__(self, name: RefName) -> None:
        self.name = name
        super().__init__(
            f"{name} exists, so no ref below {name}/ can be created.",
            "Rename or delete it, or use a repository of its own.",
        )


def init(work: Maintenance, *, mark: Mark | None = None) -> InitReport:
    """Create what a database needs and does not have yet: a first branch, and the anchor.

    A server may make the first branch that it gets its default one, which cannot be deleted, and GitHub creates no other ref in
    an empty repository; so an empty one gets ``main`` with a README before all else. The mark of an encryption key goes to the
    anchor: from then on nobody uses the database without the key by mistake. Raises NameTakenError, and WrongEncryptionKeyError for
    a database that has the mark of another key.
    """
    branches = False
    anchor: Oid | None = None
    for name, oid in work.database.store.list([_BRANCHES, OUR_TAGS_PREFIX]):
        if is_taken(name):
            raise NameTakenError(name)
        branches = branches or name.startswith(_BRANCHES)
        anchor = oid if name == ANCHOR_TAG else anchor
    lacking: list[Transaction] = []
    if not branches:
        readme = blob(_README)
        root = tree([("README.md", readme.oid)])
        first = commit(root.oid, b"Begin a git-keyval database\n")
        lacking.append(Transaction((RefUpdate(MAIN_BRANCH, ABSENT, first.oid),), (readme, root, first)))
    wanted = NULL_COMMIT if mark is None else _marked(work, anchor, mark)
    if anchor is None or (mark is not None and anchor != wanted.oid):
        update = RefUpdate(ANCHOR_TAG, ABSENT if anchor is None else anchor, wanted.oid)
        lacking.append(Transaction((update,), (*DUMMY_OBJECTS, wanted)))
    return InitReport(tuple(_create(work, lacking, wanted.oid) if lacking else ()))


def _marked(work: Maintenance, anchor: Oid | None, mark: Mark) -> GitObject:
    """Return the anchor with this mark; it still says whether keys are redirected. An unreadable one is replaced."""
    try:
        before = Anchor() if anchor is None else decode_anchor(work.database.store.objects([anchor])[anchor])
    except (KeyError, MalformedRecordError):
        before = Anchor()
    if before.mark is not None and before.mark.check != mark.check:
        raise WrongEncryptionKeyError(before.mark.kid)
    return encode_anchor(Anchor(before.mark or mark, before.redirected))


def is_taken(name: str) -> bool:
    """Return whether a ref has a name that must be a directory: ``gc`` or ``kv-…`` as a branch, ``kv`` or ``kv-…`` as a tag."""
    space, _, short = name.removeprefix("refs/").partition("/")
    if "/" in short:
        return False
    digits = short.removeprefix("kv-")
    sharded = digits not in {short, ""} and set(digits) <= set("0123456789abcdef")
    return sharded or (space, short) in {("heads", "gc"), ("tags", "kv")}


def _create(work: Maintenance, transactions: Sequence[Transaction], anchor: Oid) -> list[RefName]:
    writer, created = Writer(work.database), list[RefName]()
    ends = writer.write(list(map(Write, transactions)))
    for transaction, end in zip(transactions, ends, strict=True):
        (update,) = transaction.updates
        if isinstance(end, Refused):
            if transaction is not transactions[-1] and isinstance(ends[-1], Applied):
                # With an anchor and no branch, the first key would become the default branch.
                writer.write([Write(Transaction((RefUpdate(ANCHOR_TAG, anchor, DELETE),)))])
            raise refusal_of(transaction, end)
        if isinstance(end, OutcomeUnknownError):
            raise GitKeyvalError(
                f"It is not known whether {update.name} was created ({end.cause}).",
                "Run 'init' again: it creates only what is missing.",
            )
        created += [update.name] if isinstance(end, Applied) else []
    return created
