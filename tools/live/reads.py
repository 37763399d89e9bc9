"""Probes of what can be read, in which form, and how soon after a write."""

import time
from collections.abc import Callable

from git_keyval.format.elements import encode_element_key
from git_keyval.format.names import RefName
from git_keyval.format.objects import blob, commit, tree
from git_keyval.store.port import ABSENT, RefUpdate, Transaction
from tools.live.probes import Probe
from tools.live.wire import Wire

_MESSAGES = (
    "plain\n",
    "no line feed",
    "two line feeds\n\n",
    "\n leading\n",
    "trailing \n",
    "a\r\nb\r\n",
    "caf\u00e9 \u2713\n",
    "tab\t\n",
)
_KEYS = ("..", ".git", ".GIT", "git~1", ".g\u200cit", "a/b", "\\", "%2E", "\0", "\n", "con", "a.", "a ", "-rf", "\u00e9", "a" * 255)
_TREE_SIZES, _INLINE_SIZES = (1_000, 10_000), (100, 250, 500)
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_ON_ONE_COMMIT = 150
_SIGHTINGS = 5
_PATIENCE_SECONDS = 30.0


def prefixes(wire: Wire) -> str:
    """Read refs below a prefix that is a folder, with and without its slash, and below one that is none."""
    oid = wire.commit("first\n")
    for name in ("prefix/b", "prefix/a1", "prefix/a2"):
        wire.branch_at(name, oid)
    findings = []
    for prefix in (wire.branch("prefix/"), wire.branch("prefix"), wire.branch("prefix/a")):
        answer = wire.query(f'refs(refPrefix: "{prefix}", first: 100) {{ nodes {{ name prefix }} }}')
        refs = ((answer.body or {}).get("data") or {}).get("repository", {}).get("refs")
        found = [f"{node['prefix']}|{node['name']}" for node in refs["nodes"]] if refs else str(answer)
        findings.append(f"{prefix}: {found}")
    return "; ".join(findings)


def messages(wire: Wire) -> str:
    """Store messages with blanks and line ends in unlikely places, and read them in both ways."""
    findings = []
    for message in _MESSAGES:
        oid = wire.commit(message)
        rest = wire.rest("GET", f"/git/commits/{oid}").body["message"]
        node = wire.query(f'object(oid: "{oid}") {{ ... on Commit {{ message }} }}').body["data"]["repository"]["object"]
        stored = message.encode() in {obj.data.partition(b"\n\n")[2] for obj in wire.git().objects([oid]).values()}  # type: ignore[list-item]  # an oid
        findings.append(f"{message!r}: stored {'as sent' if stored else 'otherwise'}, REST {rest!r}, GraphQL {node['message']!r}")
    return "; ".join(findings)


def element_names(wire: Wire) -> str:
    """Make a tree of files named as hostile element keys are, and compare its oid with the one computed here."""
    content = blob(b"A probe.\n")
    names = [encode_element_key(key) for key in _KEYS]
    entries = [{"path": name, "mode": "100644", "type": "blob", "content": content.data.decode()} for name in names]
    answer = wire.rest("POST", "/git/trees", {"tree": entries})
    if not answer.is_done:
        return str(answer)
    expected = tree((name, content.oid) for name in names)
    return "all kept as they are" if answer.body["sha"] == expected.oid else f"changed: {answer.body}"


def large_trees(wire: Wire) -> str:
    """Push larger and larger trees, and have a query tell their entries."""
    content, findings = blob(b"A probe.\n"), []
    for size in _TREE_SIZES:
        made = tree((f"field-{number}", content.oid) for number in range(size))
        record = commit(made.oid, b"A large tree.\n")
        name = RefName(wire.branch(f"tree-{size}"))
        wire.git().apply([Transaction((RefUpdate(name, ABSENT, record.oid),), (content, made, record))])
        answer = wire.query(f'object(oid: "{made.oid}") {{ ... on Tree {{ entries {{ name mode oid }} }} }}')
        entries = answer.body["data"]["repository"]["object"]["entries"] if answer.is_done else []
        findings.append(f"{size}: {len(entries)} entries in {answer.seconds:.1f} s ({answer})")
    return "; ".join(findings)


def inline_texts(wire: Wire) -> str:
    """Make trees with more and more texts in one request."""
    findings = []
    for size in _INLINE_SIZES:
        names = (f"{wire.folder}-{size}-{number}" for number in range(size))
        entries = [{"path": name, "mode": "100644", "type": "blob", "content": f"{name}\n"} for name in names]
        answer = wire.rest("POST", "/git/trees", {"tree": entries})
        findings.append(f"{size}: {answer} in {answer.seconds:.1f} s")
    return "; ".join(findings)


def empty_tree(wire: Wire) -> str:
    """Make a commit of the empty tree without having stored that."""
    return str(wire.post_commit("empty\n", _EMPTY_TREE))


def where_head(wire: Wire) -> str:
    """Point many branches at one commit, and ask for the branches of that commit."""
    oid = wire.commit(f"shared in {wire.folder}\n")
    for start in range(0, _ON_ONE_COMMIT, 50):
        wire.update(*({"name": wire.branch(f"where/{number:03}"), "afterOid": oid} for number in range(start, start + 50)))
    answer = wire.rest("GET", f"/commits/{oid}/branches-where-head")
    return f"{len(answer.body)} of {_ON_ONE_COMMIT} branches" if answer.is_done else str(answer)


def visibility(wire: Wire) -> str:
    """Move a ref and time how long each way to read still shows the old oid."""
    oids = [wire.commit(f"seen {number}\n") for number in range(_SIGHTINGS + 1)]
    name = wire.branch_at("seen", oids[0])
    short = name.removeprefix("refs/")
    ways: dict[str, Callable[[], object]] = {
        "REST git/ref": lambda: wire.rest("GET", f"/git/ref/{short}").body["object"]["sha"],
        "REST commits": lambda: wire.rest("GET", f"/commits/{short.replace('/', '%2F')}").body["sha"],
        "GraphQL": lambda: wire.query(f'ref(qualifiedName: "{name}") {{ target {{ oid }} }}').body["data"]["repository"]["ref"][
            "target"
        ]["oid"],
        "git": lambda: next(oid for _name, oid in wire.git().list([name])),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for oid in oids[1:]:
        wire.update({"name": name, "afterOid": oid})
        begin = time.monotonic()
        for way, look in ways.items():
            seconds[way].append(_until(look, oid, begin))
    findings = [
        f"{way}: at the latest {max(times):.2f} s, in half of the cases {sorted(times)[len(times) // 2]:.2f} s"
        for way, times in seconds.items()
    ]
    return f"after the pause of {wire.target.pause:g} s, {'; '.join(findings)}"


def _until(look: Callable[[], object], oid: str, begin: float) -> float:
    while look() != oid and time.monotonic() - begin < _PATIENCE_SECONDS:
        time.sleep(0.1)
    return time.monotonic() - begin


PROBES = (
    Probe(
        "Does a refPrefix have to end with a slash, in which order are refs listed, and what is a name relative to?",
        "refs(refPrefix:) of a folder with its slash, without it, and of part of a name",
        prefixes,
    ),
    Probe(
        "Are messages kept byte for byte, and how are they shown?",
        f"{len(_MESSAGES)} commits, each read by REST, GraphQL and git",
        messages,
    ),
    Probe(
        "Are the names of files kept as they are, percent signs and all?",
        f"POST git/trees with the names of {len(_KEYS)} element keys",
        element_names,
    ),
    Probe(
        "How large a tree does a query tell?",
        f"trees of {' and '.join(f'{size:,}' for size in _TREE_SIZES)} files, pushed and asked for",
        large_trees,
    ),
    Probe(
        "How many texts may a tree carry?",
        f"POST git/trees with {', '.join(map(str, _INLINE_SIZES))} new texts",
        inline_texts,
    ),
    Probe("May a commit name the empty tree, which nobody stored?", "POST git/commits with that tree", empty_tree),
    Probe("How many branches does branches-where-head tell?", f"{_ON_ONE_COMMIT} branches on one commit", where_head),
    Probe("How soon is a moved ref seen?", f"{_SIGHTINGS} moves of one branch, each read by REST, GraphQL and git", visibility),
)
