"""docs/architecture.md names what there is."""

import re
import tomllib

from tests.action.steps import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_import_rule_is_explained() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rows = re.findall(r"^\| (.+?) \|", TEXT.partition("## Who may import whom")[2].partition("\n## ")[0], re.MULTILINE)
    assert rows[2:] == [contract["name"] for contract in contracts]


def test_every_package_and_program_of_the_picture_is_there() -> None:
    named = set(re.findall(r"\"((?:git_keyval|maintenance)[\w.]*)", TEXT))
    assert all((ROOT / name.replace(".", "/")).exists() or (ROOT / f"{name.replace('.', '/')}.py").exists() for name in named)
    packages = {f"git_keyval.{path.name}" for path in (ROOT / "git_keyval").iterdir() if (path / "__init__.py").exists()}
    assert packages - {"git_keyval.store"} <= named
    stores = {
        f"git_keyval.store.{path.name}" for path in (ROOT / "git_keyval" / "store").iterdir() if (path / "__init__.py").exists()
    }
    assert stores <= named


def test_every_folder_of_tests_is_explained() -> None:
    explained = set(re.findall(r"`tests/(\w+)`", TEXT.partition("## Tests")[2]))
    folders = {path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()}
    assert folders == explained
