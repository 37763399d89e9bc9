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
    """Secondary limit: how many requests that write a token may send in a minute. GitHub does not say which requests count."""
    content_per_hour: int | None = None
    """The same for an hour."""
    rest_points_per_minute: int | None = None
    """Secondary limit on REST: a read counts 1, a write 5."""
    graphql_points_per_minute: int | None = None
    """Secondary limit on GraphQL: a query counts 1, a mutation 5, whatever they cost of the primary limit."""
    pushes_per_minute: int | None = None
    """How many pushes a repository takes in a minute. GitHub recommends it, and may throttle what is beyond."""
    git_reads_per_second: int | None = None
    """The same of reads by git in a second."""
    says_when: bool = True
    """Whether an answer about a secondary limit, or git's, says when to come back. GitHub does not promise it."""
    empty_refuses: bool = True
    """Whether a repository without refs stores nothing, as one that never had any on GitHub."""
    signs_contents: bool = False
    """Whether a file that is put is committed in GitHub's own name, whoever is given."""
    private: bool = True
    public: set[str] = field(default_factory=set)
    """Full names, in lower case, of the repositories that are public where the others are private."""
    sso_tokens: set[str] = field(default_factory=set)
    """Tokens that their owner has not authorised for the organisation's single sign-on."""

    @classmethod
    def documented(cls, per_hour: int) -> "Options":
        """Enforce all limits that GitHub documents, and those that it only recommends, for a token of so many requests an hour.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits and
        https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits#activity name them.
        """
        return cls(
            core_limit=per_hour,
            graphql_limit=per_hour,
            content_per_minute=80,
            content_per_hour=500,
            rest_points_per_minute=900,
            graphql_points_per_minute=2_000,
            pushes_per_minute=6,
            git_reads_per_second=15,
        )

    def is_private(self, full_name: str) -> bool:
        return self.private and full_name.lower() not in self.public
