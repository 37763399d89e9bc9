"""Element keys that mean something to git, a file system or a shell, those that the format refuses, and a clone of them."""

from pathlib import Path

from git_keyval.format.elements import MAX_NAME_BYTES
from tests.servers.binary import git_output, run_git
from tests.vectors import load

HOSTILE: list[str] = [
    *(case["key"] for case in load("elements")["keys"]),
    *("-rf", "--", "-", "GIT~1", "GITMOD~1", ".gitattributes", ".github/workflows/x.yml", "../../../etc/passwd", "a/../../b"),
    *("/etc", "C:\\x", "..\\..\\x", "CON.txt", "nul", "a ", "a..", " .git", "a:b", "%2e%2e", "%00", "\x1b[31m", "\u202e"),
    *("\ufeff", "\U000e0001", ".git\u200c", "\u200d.git", ".\uff47\uff49\uff54", "\uff0e\uff0e", "\u2215"),
    *("/" * (MAX_NAME_BYTES // 3), "\u00e9" * 42, "." + "a" * (MAX_NAME_BYTES - 3)),
]
REFUSED = ["", "a" * 256, "/" * 86, "\u00e9" * 43, "." + "a" * 253, "a" * 10_240, "/" * 10_240, "\ud800"]


def check_out(repository: Path, name: str, directory: Path) -> dict[str, bytes]:
    """Clone the branch of a map as careful people do, look that all is in its place, and give the files of its elements."""
    work = directory / "around" / "work"
    terms = ("core.protectHFS=true", "core.protectNTFS=true", "transfer.fsckObjects=true", "fetch.fsckObjects=true")
    options = [word for term in terms for word in ("-c", term)]
    branch = name.removeprefix("refs/heads/")
    run_git(*options, "clone", "--quiet", "--no-local", "--branch", branch, str(repository), str(work))
    assert git_output("status", "--porcelain", "--ignored", directory=work) == ""
    for cloned in (work, repository):
        assert git_output("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=cloned) == ""
    assert [path.name for path in work.parent.iterdir()] == ["work"]
    assert {path.name for path in work.iterdir()} == {".git", "elements", "metadata.json"}
    assert all(path.is_file() and not path.is_symlink() for path in (work / "elements").iterdir())
    return {path.name: path.read_bytes() for path in (work / "elements").iterdir()}
