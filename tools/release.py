"""``python -m tools.release FOLDER``: build what a release publishes from the last commit into a folder, and try it.

The sdist and the wheel are built twice, and have to be the same to the byte. Each file in them is the commit's. The wheel is
installed into an empty environment, tells the commit, and runs the demonstration. The actions name an image as a release tag has
them. ``schemastore.json`` is the entry for the catalogue of https://www.schemastore.org.

With ``--build`` they are built, and that is all.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.config_schema import catalogue_entry
from tools.image_name import ROOT, actions, with_image

COMMIT_FILE = "git_keyval/commit.txt"
"""What a published package has beside the files of its commit: the oid of that."""

_MADE = ("PKG-INFO", "setup.cfg", "git_keyval_action.egg-info/", COMMIT_FILE)
_NEEDED_BY_DEMO = ("demo", "tests", "entrypoint.py")
_EMULATOR = ("graphql-core",)
_IMAGE = "docker://ghcr.io/org/git-keyval-action@sha256:" + "0123456789abcdef" * 4


class ReleaseError(Exception):
    """Something is not as it has to be published."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and try what was built. Return the status of the process."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Build what a release publishes, and try it.")
    parser.add_argument("folder", type=Path, help="where it is written")
    parser.add_argument("--build", action="store_true", help="build, and try nothing")
    given = parser.parse_args(arguments)
    try:
        commit = git("rev-parse", "HEAD").strip()
        built = _build(commit, given.folder)
        for path in built:
            print(f"{path}: {path.stat().st_size:,} bytes, of commit {commit}")
        if not given.build:
            _try(commit, built, given.folder)
    except ReleaseError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _try(commit: str, built: Sequence[Path], folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        again = _build(commit, Path(name) / "again")
        for one, other in zip(built, again, strict=True):
            if one.read_bytes() != other.read_bytes():
                raise ReleaseError(f"{one.name} is not the same when it is built again.")
        print("built again: the same bytes")
        for path in built:
            compare(path, commit)
        print("the files in them are those of the commit")
        _run_installed(built[-1], commit, Path(name))
    _write_actions(folder / "actions")
    entry = folder / "schemastore.json"
    entry.write_text(json.dumps(catalogue_entry(), indent=2) + "\n", encoding="utf-8")
    print(f"{entry}: the entry for SchemaStore's catalogue")


def _build(commit: str, folder: Path) -> list[Path]:
    """Return the sdist and the wheel of a commit, and of nothing that lies beside it."""
    with tempfile.TemporaryDirectory(prefix="source-") as name:
        source = Path(name)
        archive = source / "archive.tar"
        git("archive", f"--output={archive}", commit)
        tree = source / "tree"
        with tarfile.open(archive) as tar:
            tar.extractall(tree, filter="tar")
        (tree / COMMIT_FILE).write_text(f"{commit}\n", encoding="ascii")
        environ = {**os.environ, "SOURCE_DATE_EPOCH": git("show", "--no-patch", "--format=%ct", commit).strip()}
        out = source / "out"
        options = ("--no-isolation", "--skip-dependency-check", "--outdir", str(out))
        _run([sys.executable, "-m", "build", *options, str(tree)], environ)
        folder.mkdir(parents=True, exist_ok=True)
        (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
        return [Path(shutil.copy(path, folder / path.name)) for path in (sdist, wheel)]


def compare(package: Path, commit: str) -> None:
    """Compare the files of a package with those of a commit. Raises ReleaseError."""
    for name, data in members(package):
        if name.startswith(_MADE) or ".dist-info/" in name:
            continue
        done = subprocess.run(["git", "-C", str(ROOT), "cat-file", "blob", f"{commit}:{name}"], capture_output=True, check=False)
        if done.returncode or done.stdout != data:
            raise ReleaseError(f"{package.name} has a {name} that is not the commit's.")


def members(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an sdist or a wheel: the name below its root, and the bytes."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
        return
    with tarfile.open(package) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name.partition("/")[2], file.read()


def _run_installed(wheel: Path, commit: str, folder: Path) -> None:
    """Install the wheel into an empty environment, with the versions that are locked, and run the demonstration with it."""
    place, stage = folder / "environment", folder / "stage"
    venv.create(place, with_pip=True)
    constraints = folder / "constraints.txt"
    locked = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    pinned = (line.split()[0] for line in locked if "==" in line and not line.startswith((" ", "#")))
    constraints.write_text("\n".join(re.sub(r"\[.*?\]", "", line) for line in pinned))  # a constraint must name no extras
    options = ("--quiet", "--disable-pip-version-check", "--constraint", str(constraints))
    _run([str(place / "bin" / "python"), "-m", "pip", "install", *options, f"{wheel}[cli]", *_EMULATOR], os.environ)
    told = _run([str(place / "bin" / "git-keyval"), "--version"], os.environ)
    if commit not in told:
        raise ReleaseError(f"The installed program does not tell the commit, but: {told}")
    print(f"installed: {told.strip()}")
    stage.mkdir()
    for name in _NEEDED_BY_DEMO:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, stage / name)
    shown = _run([str(place / "bin" / "python"), "-m", "demo"], os.environ, stage)
    print(f"the demonstration runs with it: {len(shown.splitlines())} lines")


def _write_actions(folder: Path) -> None:
    """Write the actions as a release tag has them, and compare them with GitHub's schema."""
    written = []
    for path in actions(ROOT):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(with_image(path.read_text(encoding="utf-8"), _IMAGE), encoding="utf-8")
        written.append(str(target))
    _run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", *written], os.environ)
    print(f"{folder}: {len(written)} actions that name a published image")


def git(*arguments: str) -> str:
    """Return what git answers in this repository. Raises ReleaseError."""
    return _run(["git", "-C", str(ROOT), *arguments], os.environ)


def _run(command: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)  # ours
    if done.returncode:
        raise ReleaseError(f"{' '.join(command[:4])} … failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
