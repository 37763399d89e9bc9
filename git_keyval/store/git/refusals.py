"""What servers say when they refuse a push, and what it means: a table, with the source of each saying.

A saying that is in no row may come from a rival's lock ("failed to update ref", "cannot lock ref", …), so the push is tried again.
"""

import re
from dataclasses import dataclass
from typing import Final

from git_keyval.format.names import RefName
from git_keyval.store.port import Refused

_COLLATERAL = re.compile(r"atomic (push failure|transaction failed)", re.IGNORECASE)
"""What git says of refs that it refuses for another one in the same atomic push (receive-pack.c)."""


@dataclass(frozen=True, slots=True)
class _Saying:
    """A part of what is said, where it is from, and what to do about it."""

    pattern: str
    source: str
    next_step: str = ""


_LESS_AT_ONCE = "or write less at once"
_TOO_LARGE: Final = (
    _Saying(
        r"pack exceeds maximum allowed size",
        "git's index-pack.c and unpack-objects.c; GitHub says it of a push above 2 GB",
        f"Raise receive.maxInputSize in the server's configuration (on GitHub it is 2 GB), {_LESS_AT_ONCE}.",
    ),
    _Saying(
        r"status 413",
        "RFC 9110, by a web server or a proxy before git",
        f"Raise the limit of the web server (nginx: client_max_body_size, Apache: LimitRequestBody), {_LESS_AT_ONCE}.",
    ),
    _Saying(
        r"exceeds GitHub's file size limit|\bGH001\b",
        "https://docs.github.com/repositories/working-with-files/managing-large-files/about-large-files-on-github",
        "GitHub takes no object above 100 MB: store less in one value.",
    ),
    _Saying(
        r"pack exceeds the limit of|object too large, rejecting",
        "JGit's JGitText.properties: receivePackTooLarge, receivePackObjectTooLarge1",
        f"Raise receive.maxPackSizeLimit and receive.maxObjectSizeLimit of the server, {_LESS_AT_ONCE}.",
    ),
    _Saying(
        r"exceeds? the [^;]*\blimit|(larger|bigger) than the (maximum|limit)",
        "hooks of GitLab and others",
        f"Raise that limit, {_LESS_AT_ONCE}.",
    ),
)
"""In a reason or in what is said beside it: less would be taken."""

_FINAL: Final = (
    _Saying(
        r"^deletion prohibited",
        "receive-pack.c, update(): receive.denyDeletes",
        "Keys that expire, or are deleted, need deletions of refs: git config receive.denyDeletes false, in that repository.",
    ),
    _Saying(
        r"non-fast-forward",
        "receive-pack.c, update(): receive.denyNonFastForwards",
        "Every overwrite of a value is one: git config receive.denyNonFastForwards false, in that repository.",
    ),
    _Saying(
        r"hidden ref",
        "receive-pack.c, reject_updates_to_hidden(): receive.hideRefs, transfer.hideRefs",
        "Neither of receive.hideRefs and transfer.hideRefs may name refs/heads/kv-*, refs/heads/gc or refs/tags/kv*.",
    ),
    _Saying(
        r"missing necessary objects",
        "receive-pack.c, set_connectivity_errors(): an object that some ref of the repository needs is not there",
        "A ref of the repository is broken, which git fsck names. Delete it (git update-ref -d REF, or its file if that is "
        "empty), or have the object that it lost brought back.",
    ),
    _Saying(r"funny refname|checked out|shallow update|shallow error", "receive-pack.c, update() and shallow.c"),
    _Saying(r"quarantine", "refs.c: a hook of the server may not write refs"),
    _Saying(r"updates aborted by hook", "refs.c, ref_transaction_prepare(): the hook reference-transaction"),
    _Saying(r"declined", "receive-pack.c, execute_commands(): a hook; GitHub's protected branches and rules"),
    _Saying(r"prohibited|denied|deny|protected|\brules?\b|permission", "Gerrit, GitLab, GitHub's rules"),
    _Saying(r"can not update more", "GitHub's push policy: so many branches and tags in one push"),
)
"""In a reason: no second attempt changes it."""

_DISK: Final = (
    _Saying(
        r"Permission denied|Read-only file system|No space left",
        "strerror(3)",
        "Ask the administrator of the server to look at the disk and its permissions.",
    ),
)
"""In a reason or in what is said beside it: no second attempt changes it."""

_LASTING: Final = (
    _Saying(
        r"Unable to create '[^']+\.lock': File exists",
        "lockfile.c",
        "A git process was at work there, or was killed: if none is any more, remove the file that is named.",
    ),
    _Saying(
        r"exists; cannot create",
        "refs/files-backend.c and refs.c: a ref has the name of a directory of refs",
        "Delete or rename the ref that exists (the command 'init' says so before a database is made).",
    ),
    _Saying(
        r"failed to|cannot lock|transaction failed",
        "receive-pack.c, execute_commands(), with nothing said beside it",
        "No ref moved meanwhile, so a lock may be left behind, or a ref have the name of a directory: run 'check'.",
    ),
)
"""Beside a reason that might have passed, and did not."""


def is_collateral(reason: str) -> bool:
    """Return whether a ref was refused because of another one in the same push."""
    return _COLLATERAL.search(reason) is not None


def is_final(reason: str, words: str) -> bool:
    """Return whether a ref would be refused again for this reason, beside which these words were said."""
    return (_found(_FINAL, reason) or _found(_DISK, f"{reason}; {words}")) is not None


def refusal(reason: str, words: str, ref: RefName | None = None) -> Refused:
    """Return the refusal for this reason, beside which these words were said; of one ref, or of all that was sent."""
    everything = f"{reason}; {words}"
    limit = _found(_TOO_LARGE, everything)
    meaning = limit or _found(_FINAL, reason) or _found((*_DISK, *_LASTING), everything)
    return Refused(reason, ref, words, meaning.next_step if meaning else "", too_large=limit is not None)


def _found(sayings: tuple[_Saying, ...], text: str) -> _Saying | None:
    return next((saying for saying in sayings if re.search(saying.pattern, text, re.IGNORECASE)), None)
