"""What a release publishes, as far as nothing has to be installed for it."""

import zipfile
from pathlib import Path

import pytest

from tests.action.steps import ROOT
from tools import image_name, release
from tools.action_files import SUB_ACTIONS
from tools.config_schema import URL, catalogue_entry

PUBLISHED = "docker://ghcr.io/owner/name@sha256:" + "0123456789abcdef" * 4


def test_every_action_names_the_published_image_and_differs_in_nothing_else() -> None:
    paths = image_name.actions(ROOT)
    assert {str(path.parent.relative_to(ROOT)) for path in paths} == {".", *SUB_ACTIONS}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        named = image_name.with_image(text, PUBLISHED)
        differing = [pair for pair in zip(text.splitlines(), named.splitlines(), strict=True) if pair[0] != pair[1]]
        assert differing == [(f"  image: {'' if path.parent == ROOT else '../'}Dockerfile", f"  image: {PUBLISHED}")]
        with pytest.raises(ValueError, match="0 lines"):
            image_name.with_image(named, PUBLISHED)


@pytest.mark.parametrize("image", ["docker://ghcr.io/owner/name:v1", PUBLISHED[:-1], PUBLISHED.removeprefix("docker://")])
def test_what_names_no_published_bytes_is_refused(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_name.main([image]) == 1
    assert capsys.readouterr().err.startswith(f"{image} names no published bytes")


def test_packages_are_built_of_the_commit_alone_and_tell_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main([str(tmp_path), "--build"]) == 0
    commit = release.git("rev-parse", "HEAD").strip()
    packages = sorted(tmp_path.iterdir())
    assert [path.suffix for path in packages] == [".whl", ".gz"]
    assert capsys.readouterr().out.count(commit) == len(packages)
    for package in packages:
        members = dict(release.members(package))
        assert members[release.COMMIT_FILE].decode() == f"{commit}\n"
        assert "git_keyval/maintenance/sweep.py" in members
        assert not [name for name in members if name.startswith(("tests/", "tools/", "demo/", "maintenance/"))]
        release.compare(package, commit)


def test_a_file_that_is_not_the_commits_is_found(tmp_path: Path) -> None:
    release.main([str(tmp_path), "--build"])
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("git_keyval/added.py", "")
    with pytest.raises(release.ReleaseError, match=r"git_keyval/added.py that is not the commit's"):
        release.compare(wheel, release.git("rev-parse", "HEAD").strip())


def test_the_schema_is_where_its_catalogue_entry_says() -> None:
    assert catalogue_entry()["url"] == URL
    assert URL.endswith("/docs/config.schema.json")
    assert f'"$id": "{URL}"' in (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")
    assert f"$schema={URL}" in (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
