"""The package as it is published: one importable name, with the jobs in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.action.steps import ROOT

_PROGRAM = """\
import git_keyval
db = git_keyval.open("db.git")
db.init()
with db.transaction() as t:
    number = t.incr("n")
print(number.value, git_keyval.__file__.startswith(FOLDER), [job["job"] for job in db.maintain().value["jobs"]])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    source = folder / "source"
    source.mkdir()
    subprocess.run(["cp", "--no-dereference", "--parents", "--", *filter(None, tracked), f"{source}/"], cwd=ROOT, check=True)
    options = ("--wheel", "--no-isolation", "--skip-dependency-check", "--outdir", str(folder))
    subprocess.run([sys.executable, "-m", "build", *options, str(source)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_installs_one_importable_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"git_keyval"}
    assert {"git_keyval/maintenance/sweep.py", "git_keyval/py.typed", "git_keyval/library/methods.py"} <= set(names)


def test_a_program_uses_it(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(folder)
    subprocess.run(["git", "init", "--quiet", "--bare", "db.git"], cwd=tmp_path, check=True)
    program = _PROGRAM.replace("FOLDER", repr(str(folder)))
    environ = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, check=True)
    assert done.stdout.decode() == "1 True ['gather', 'sweep', 'purge']\n"
