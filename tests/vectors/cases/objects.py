"""objects.json: blobs, trees and commits, and commits that are not of the format."""

from collections.abc import Iterator

from tests.vectors.cases.raw import (
    DUMMY_TREE,
    ENCRYPTION_ANCHOR,
    NULL_COMMIT,
    README,
    README_OID,
    REDIRECT_ANCHOR,
    Json,
    b64,
    commit_content,
    commit_oid,
    oid_of,
    tree_content,
)

BOOLEAN_BLOB = oid_of("blob", b"Boolean")


def objects() -> Json:
    views = {"bytes": BOOLEAN_BLOB, "view.txt": BOOLEAN_BLOB, "view.json": BOOLEAN_BLOB}
    trees = {
        "dummy tree": {"README.md": README_OID},
        "tree of a first-generation record": views,
        "empty tree": {},
        "order is by bytes, not by case or length": dict.fromkeys(("view.txt", "B", "a", "a.b", "a-b", "A"), README_OID),
    }
    first_generation = oid_of("tree", tree_content(views))
    commits = [
        ("null commit", DUMMY_TREE, ""),
        ("redirect anchor", DUMMY_TREE, REDIRECT_ANCHOR),
        ("encryption anchor", DUMMY_TREE, ENCRYPTION_ANCHOR % ""),
        ("encryption anchor of redirected keys", DUMMY_TREE, ENCRYPTION_ANCHOR % '"redirected":true,'),
        ("first generation, empty message", first_generation, ""),
        ("first generation, a media type", "18c3e088d58cb90325f1a89a8f0f284c78acb330", "custom/mime\n"),
        ("message without a final line feed", DUMMY_TREE, "x"),
        ("message of several lines with blank ones", DUMMY_TREE, "\n\na\n\n\nb\n\n"),
        ("message that looks like a header", DUMMY_TREE, "parent 0000\n\ngpgsig x\n"),
        ("message beyond ASCII", DUMMY_TREE, "é 😀\n"),
    ]
    return {
        "blobs": [
            {"name": name, "contentBase64": b64(data), "oid": oid_of("blob", data)}
            for name, data in (("empty", b""), ("README.md", README), ("Boolean", b"Boolean"), ("binary", b"\0\xff\n"))
        ],
        "trees": [
            {
                "name": name,
                "entries": entries,
                "contentBase64": b64(tree_content(entries)),
                "oid": oid_of("tree", tree_content(entries)),
            }
            for name, entries in trees.items()
        ],
        "commits": [
            {
                "name": name,
                "tree": tree,
                "message": text,
                "content": commit_content(tree, text.encode()).decode(),
                "oid": commit_oid(tree, text.encode()),
            }
            for name, tree, text in commits
        ],
        "foreignCommits": list(foreign_commits()),
    }


def foreign_commits() -> Iterator[Json]:
    """Commits that git accepts and that this format never writes."""
    good = commit_content(DUMMY_TREE, b"+1\n").decode()
    tree, author, committer, rest = good.split("\n", 3)
    changes = {
        "one parent": [tree, f"parent {NULL_COMMIT}", author, committer],
        "another author": [tree, author.replace("a a", "b b"), committer],
        "another committer": [tree, author, committer.replace("a@a.a", "b@b.b")],
        "another author time": [tree, author.replace("1735689600", "1735689601"), committer],
        "another committer time": [tree, author, committer.replace("1735689600", "1735689599")],
        "another time zone": [tree, author.replace("+0000", "+0100"), committer],
        "negative zero time zone": [tree, author, committer.replace("+0000", "-0000")],
        "an encoding": [tree, author, committer, "encoding UTF-8"],
        "a signature": [
            tree,
            author,
            committer,
            "gpgsig -----BEGIN PGP SIGNATURE-----",
            " ",
            " -----END PGP SIGNATURE-----",
        ],
        "an unknown header": [tree, author, committer, "x-note hello"],
        "committer before author": [tree, committer, author],
        "no committer": [tree, author],
        "upper-case tree oid": [f"tree {DUMMY_TREE.upper()}", author, committer],
    }
    for name, head in changes.items():
        content = "\n".join([*head, rest])
        yield {"name": name, "content": content, "oid": oid_of("commit", content.encode())}
