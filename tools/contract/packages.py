"""GitHub's published schemas: two files of two npm packages, at pinned versions, kept in a cache outside the tree."""

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
    """A version of an npm package, the sha512 of its archive as npm writes it, and the one file of it that is needed."""

    name: str
    version: str
    integrity: str
    file: str

    def place(self, cache: Path) -> Path:
        """Give the path of the file in the cache."""
        return cache / f"{self.name.replace('/', '-').removeprefix('@')}-{self.version}" / Path(self.file).name


REST = Package(
    "@octokit/openapi",
    "23.0.2",
    "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    "generated/api.github.com.json",
)
GRAPHQL = Package(
    "@octokit/graphql-schema",
    "15.26.1",
    "sha512-RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
    "schema.graphql",
)


def default_cache() -> Path:
    """Give the directory for this among the caches of the user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "git-keyval" / "contract"


def fetch(package: Package, cache: Path) -> Path:
    """Give the path of the package's file, from the cache or from npm. Raises PackageError.

    npm compares each archive with the sha512 that the registry tells and writes that into its lock file, where it has to be the
    pinned one. Of the archive only the one file is kept: the rest is hundreds of megabytes.
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
        shutil.move(directory / "node_modules" / package.name / package.file, directory / "kept" / place.name)
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
