"""The first commit of an empty repository. GitHub's API makes it in one way only: a file is put into the repository.

Before there is a commit, the API stores no object (https://docs.github.com/rest/repos/contents#create-or-update-file-contents).
"""

import base64

from git_keyval.errors import MalformedRecordError
from git_keyval.format.names import MAIN_BRANCH
from git_keyval.format.objects import Oid, read_commit, read_entries
from git_keyval.store.github.answers import Json
from git_keyval.store.github.uploads import PERSON
from git_keyval.store.port import ABSENT, Transaction

_BRANCHES = "refs/heads/"


def first_file(transaction: Transaction) -> tuple[str, dict[str, Json]] | None:
    """Return where and what to PUT for a transaction that does nothing but create ``main`` with one file; None for any other."""
    objects = {obj.oid: obj for obj in transaction.objects}
    (update, *others) = transaction.updates
    if others or (update.name, update.expect) != (MAIN_BRANCH, ABSENT) or not isinstance(update.new, str):
        return None
    try:
        tree_oid, message = read_commit(objects[update.new])
        entries = read_entries(objects[tree_oid])
        ((path, oid),) = entries.files.items()
        body = {
            "message": message.decode(),
            "content": base64.b64encode(objects[oid].data).decode(),
            "branch": MAIN_BRANCH.removeprefix(_BRANCHES),
            "author": PERSON,
            "committer": PERSON,
        }
    except (KeyError, MalformedRecordError, ValueError):
        return None
    return None if entries.folders else (path, body)


def oid_in(answer: Json) -> Oid | None:
    """Return the oid of the commit that was made; None if the answer does not have it."""
    try:
        return Oid(str(answer["commit"]["sha"]))
    except (KeyError, TypeError):
        return None
