"""Files of npm packages, at pinned versions and checksums, kept in a cache outside the tree."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


class PackageError(Exception):
    """A package could not be had, or is not the one that was pinned."""


@dataclass(frozen=True, slots=True)
class Package:
    """A version of an npm package, the sha512 of its archive as npm writes it, and the files of it that are needed."""

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]

    def place(self, cache: Path) -> Path:
        """Return the path of the first file in the cache; the others are beside it."""
        return cache / f"{self.name.replace('/', '-').removeprefix('@')}-{self.version}" / Path(self.files[0]).name


def default_cache() -> Path:
    """Return the directory for this among the caches of the user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "git-keyval" / "npm"


def fetch(package: Package, cache: Path) -> Path:
    """Return the path of the package's first file, from the cache or from npm. Raises PackageError.

    npm compares each archive with the sha512 that the registry tells and writes that into its lock file, where it has to be the
    pinned one. Of the archive only the files are kept: the rest may be hundreds of megabytes.
    """
    place = package.place(cache)
    if place.is_file():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        directory = Path(name)
        _install(package, directory)
        lock = json.loads((directory / "package-lock.json").read_text(encoding="utf-8"))
        integrity = lock["packages"][f"node_modules/{package.name}"].get("integrity")
        if integrity != package.integrity:
            raise PackageError(f"{package.name} {package.version} is {integrity}, and not {package.integrity}.")
        (directory / "kept").mkdir()
        for file in package.files:
            shutil.move(directory / "node_modules" / package.name / file, directory / "kept" / Path(file).name)
        shutil.rmtree(place.parent, ignore_errors=True)
        (directory / "kept").rename(place.parent)
    return place


def _install(package: Package, directory: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError("npm is needed, and is not there. On Debian and Ubuntu: apt-get install npm")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--prefix", str(directory)]
    command = [npm, "install", *options, f"{package.name}@{package.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    if done.returncode:
        raise PackageError(f"npm could not install {package.name} {package.version}:\n{done.stderr.strip()}")
