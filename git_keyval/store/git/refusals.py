"""What servers say when they refuse a push, and what it means: a table, with the source of each saying.

A saying that is in no row may come from a rival's lock ("failed to update ref", "cannot lock ref", …), so the push is tried again.
"""

import re
from collections.abc import Mapping
from typing import Final

from git_keyval.format.names import RefName
from git_keyval.store.port import Refused

_COLLATERAL = re.compile(r"atomic (push failure|transaction failed)", re.IGNORECASE)
"""What git says of refs that it refuses for another one in the same atomic push (receive-pack.c)."""

# Each table maps what is said, as a pattern, to what to do about it.
_LESS_AT_ONCE = "or write less at once"
_TOO_LARGE: Final = {
    # git's index-pack.c and unpack-objects.c; GitHub says it of a push above 2 GB.
    r"pack exceeds maximum allowed size": (
        f"Raise receive.maxInputSize in the server's configuration (on GitHub it is 2 GB), {_LESS_AT_ONCE}."
    ),
    # RFC 9110, by a web server or a proxy before git.
    r"status 413": f"Raise the limit of the web server (nginx: client_max_body_size, Apache: LimitRequestBody), {_LESS_AT_ONCE}.",
    # https://docs.github.com/repositories/working-with-files/managing-large-files/about-large-files-on-github
    r"exceeds GitHub's file size limit|\bGH001\b": "GitHub takes no object above 100 MB: store less in one value.",
    # JGit's JGitText.properties: receivePackTooLarge, receivePackObjectTooLarge1.
    r"pack exceeds the limit of|object too large, rejecting": (
        f"Raise receive.maxPackSizeLimit and receive.maxObjectSizeLimit of the server, {_LESS_AT_ONCE}."
    ),
    # Hooks of GitLab and others.
    r"exceeds? the [^;]*\blimit|(larger|bigger) than the (maximum|limit)": f"Raise that limit, {_LESS_AT_ONCE}.",
}
"""In a reason or in what is said beside it: less would be taken."""

_FINAL: Final = {
    # receive-pack.c, update(): receive.denyDeletes.
    r"^deletion prohibited": (
        "Keys that expire, or are deleted, need deletions of refs: git config receive.denyDeletes false, in that repository."
    ),
    # receive-pack.c, update(): receive.denyNonFastForwards.
    r"non-fast-forward": "Every overwrite of a value is one: git config receive.denyNonFastForwards false, in that repository.",
    # receive-pack.c, reject_updates_to_hidden(): receive.hideRefs, transfer.hideRefs.
    r"hidden ref": "Neither of receive.hideRefs and transfer.hideRefs may name refs/heads/kv-*, refs/heads/gc or refs/tags/kv*.",
    # receive-pack.c, set_connectivity_errors(): an object that some ref of the repository needs is not there.
    r"missing necessary objects": (
        "A ref of the repository is broken, which git fsck names. Delete it (git update-ref -d REF, or its file if that is "
        "empty), or have the object that it lost brought back."
    ),
    r"funny refname|checked out|shallow update|shallow error": "",  # receive-pack.c, update() and shallow.c
    r"quarantine": "",  # refs.c: a hook of the server may not write refs
    r"updates? aborted by": "",  # refs.c, ref_transaction_prepare(): the hook reference-transaction
    r"declined": "",  # receive-pack.c, execute_commands(): a hook; GitHub's protected branches and rules
    r"prohibited|denied|deny|protected|\brules?\b|permission": "",  # Gerrit, GitLab, GitHub's rules
    r"can not update more": "",  # GitHub's push policy: so many branches and tags in one push
}
"""In a reason: no second attempt changes it."""

_PASSING: Final = {
    # JGit's JGitText.properties, cannotLockPackIn: two that push the very same objects at once write one file.
    r"cannot lock pack": "",
}
"""In what is said of all that was pushed: another attempt may change it. As a rule none does."""

_DISK: Final = {
    # Words of strerror(3), and of git's object-file.c.
    r"Permission denied|Read-only file system|No space left|insufficient permission": (
        "Ask the administrator of the server to look at the disk and its permissions."
    ),
}
"""In a reason or in what is said beside it: no second attempt changes it."""

_LASTING: Final = {
    # lockfile.c.
    r"Unable to create '[^']+\.lock': File exists": (
        "A git process was at work there, or was killed: if none is any more, remove the file that is named."
    ),
    # refs/files-backend.c and refs.c: a ref has the name of a directory of refs.
    r"exists; cannot create": "Delete or rename the ref that exists (the command 'init' says so before a database is made).",
    # receive-pack.c, execute_commands(), with nothing said beside it.
    r"failed to|cannot lock|transaction failed": (
        "No ref moved meanwhile, so a lock may be left behind, or a ref have the name of a directory: run 'check'."
    ),
}
"""Beside a reason that might have passed, and did not."""


def is_collateral(reason: str) -> bool:
    """Return whether a ref was refused because of another one in the same push."""
    return _COLLATERAL.search(reason) is not None


def is_final(reason: str, words: str) -> bool:
    """Return whether a ref would be refused again for this reason, beside which these words were said."""
    return _found(_FINAL, reason) is not None or _found(_DISK, f"{reason}; {words}") is not None


def may_pass(reason: str) -> bool:
    """Return whether what was pushed as a whole may be taken another time, although it was refused for this reason."""
    return _found(_PASSING, reason) is not None


def refusal(reason: str, words: str, ref: RefName | None = None) -> Refused:
    """Return the refusal for this reason, beside which these words were said; of one ref, or of all that was sent."""
    everything = f"{reason}; {words}"
    limit = _found(_TOO_LARGE, everything)
    steps = (limit, _found(_FINAL, reason), _found(_DISK | _LASTING, everything))
    return Refused(reason, ref, words, next((step for step in steps if step is not None), ""), too_large=limit is not None)


def _found(sayings: Mapping[str, str], text: str) -> str | None:
    """Return what to do about what is said, empty if that is not known; None if no saying is in the text."""
    return next((step for saying, step in sayings.items() if re.search(saying, text, re.IGNORECASE)), None)
