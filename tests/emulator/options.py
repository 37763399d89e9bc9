"""What differs from one GitHub repository, plan or year to another, as data that a test may change at any time."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Act = Literal["creation", "update", "deletion"]


@dataclass(frozen=True, slots=True)
class Protected:
    """A ruleset: the refs whose full names match a glob refuse these acts."""

    pattern: str
    acts: frozenset[Act] = frozenset({"creation", "update", "deletion"})

    def refuses(self, name: str, act: Act) -> bool:
        return act in self.acts and fnmatchcase(name, self.pattern)


@dataclass(slots=True)
class Options:
    """How this GitHub behaves; the defaults are github.com's where they are known."""

    keep_final_line_feed: bool = False
    """Whether GraphQL gives a commit's message with its final line feed. (REST never does.)"""
    blob_text_limit: int = 512 * 1024
    """How many bytes of a blob GraphQL gives as text."""
    reports_absent_objects: bool = False
    """Whether GraphQL answers an error beside null for an oid that it does not know, as it does for a path. Not documented."""
    absent_delete: Literal["accept", "refuse"] = "accept"
    """What ``updateRefs`` makes of deleting a ref that is absent, with no expectation. Not documented by GitHub."""
    stale_type: str = "STALE_DATA"
    """The ``type`` of the error for a ref that has moved. Not documented by GitHub: ``UNPROCESSABLE`` is as likely."""
    stale_message: str = "Expected {name} to point to {expected} but it did not."
    max_ref_updates: int | None = None
    """How many refs one call of ``updateRefs`` may name."""
    max_push_refs: int | None = None
    """The repository setting that limits how many refs one push may update. GitHub suggests 5."""
    protected: tuple[Protected, ...] = ()
    secrets: re.Pattern[bytes] | None = None
    """Push protection: contents in which this pattern is found are refused."""
    max_tree_entries: int | None = None
    """How many entries one new tree may list before the request times out."""
    tree_listing_limit: int = 100_000
    """How many entries a listing of a tree has before it is truncated."""
    node_limit: int = 500_000
    relative_to_asked_prefix: bool = True
    """Whether ``Ref.name`` is relative to the prefix that was asked for, or to ``refs/heads/`` and ``refs/tags/``."""
    between_ref_reads: Callable[[], object] | None = None
    """Tears the reads of one query apart: runs between any two reads of refs, and the repository is not locked."""
    core_limit: int = 5_000
    graphql_limit: int = 5_000
    window: float = 3_600
    """Seconds after which the primary limits are reset."""
    content_per_minute: int | None = None
    """Secondary limit: how many requests that write a token may send in a minute. GitHub names 80."""
    content_per_hour: int | None = None
    """The same for an hour. GitHub names 500."""
    empty_refuses: bool = True
    """Whether a repository without refs stores nothing, as one that never had any on GitHub."""
    signs_contents: bool = False
    """Whether a file that is put is committed in GitHub's own name, whoever is given."""
    private: bool = True
    public: set[str] = field(default_factory=set)
    """Full names, in lower case, of the repositories that are public where the others are private."""
    sso_tokens: set[str] = field(default_factory=set)
    """Tokens that their owner has not authorised for the organisation's single sign-on."""

    def is_private(self, full_name: str) -> bool:
        return self.private and full_name.lower() not in self.public
