"""Take out of an environment what no command loads, and print what is left, package by package. Run once, while the image is built.

Run with the environment's own Python, which has git_keyval on its path and no bytecode yet.
"""

import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import Distribution, distributions
from pathlib import Path

LATE = ("certifi", "dateutil.parser", "dulwich.pack", "tenacity")
"""What our modules import only when they need it."""

IN_PART = {"cffi", "dulwich", "pycparser", "pygithub", "pyjwt", "pynacl", "tzdata"}
"""Packages of which we use a few modules, or none: the rest of them is for what we never do. All other packages stay whole, because
they import parts of their own late."""


def loaded() -> set[Path]:
    """Import every module of ours, and return all files that were read for it."""
    seen: set[str] = set()
    sys.addaudithook(lambda event, args: seen.update(str(arg) for arg in args if event in {"open", "import"}))
    package = import_module("git_keyval")
    for name in (*LATE, *(module.name for module in pkgutil.walk_packages(package.__path__, "git_keyval."))):
        import_module(name)
    return {Path(name) for name in seen if name.startswith(sys.prefix)}


def files_of(distribution: Distribution) -> list[Path]:
    """Return the files of a package that are there."""
    paths = (Path(str(distribution.locate_file(file))).resolve() for file in distribution.files or ())
    return [path for path in paths if path.is_file()]


def unused(distribution: Distribution, kept: set[Path]) -> Iterator[Path]:
    """Yield the files of a package that nobody reads: all, if no module of it is used; else its metadata and licences stay."""
    files = files_of(distribution)
    is_used = not kept.isdisjoint(files)
    for path in files:
        if path not in kept and not (is_used and any(part.endswith(".dist-info") for part in path.parts)):
            yield path


def main() -> None:
    """Remove what is not needed, and the folders that are empty then; print a table."""
    kept = loaded()
    for distribution in distributions():
        if distribution.name.lower() in IN_PART:
            for path in unused(distribution, kept):
                path.unlink()
    for folder in sorted(Path(sys.prefix, "lib").rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    sizes = {each.name: sum(path.stat().st_size for path in files_of(each)) for each in distributions()}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{size / 1e6:6.2f} MB  {name}")
    print(f"{sum(sizes.values()) / 1e6:6.2f} MB  in all, without bytecode")


if __name__ == "__main__":
    main()
