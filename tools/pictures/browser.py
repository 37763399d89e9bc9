"""Pictures that a browser draws: the page of a database, and the summary of a job as GitHub shows it."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

from tools.pictures.database import shop

CHROMIUM = "/usr/bin/chromium"
_WIDTH, _HEIGHT = 1100, 400
_CHART = re.compile(r"^```mermaid\n.*?^```\n", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"127\.0\.0\.1:\d+")
_AS_GITHUB = """\
<!doctype html><meta charset="utf-8"><style>
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; color: #1f2328; margin: 24px 32px; }
h2 { font-size: 21px; padding-bottom: .3em; border-bottom: 1px solid #d1d9e0b3; } h3 { font-size: 17.5px; }
a { color: #0969da; text-decoration: none; }
code { font: 85% ui-monospace, "SF Mono", Menlo, monospace; background: #818b981f; border-radius: 6px; padding: .2em .4em; }
table { border-collapse: collapse; } th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
tr:nth-child(2n) { background: #f6f8fa; }
</style>
"""


def sources() -> Mapping[str, str]:
    """Return what the browser draws, by the names of the pictures: two HTML documents, the same at every run."""
    with tempfile.TemporaryDirectory() as name, shop(Path(name)) as database:
        file = Path(name) / "workspace" / "page.html"
        database.run("page", {"output-file": str(file)})
        page = file.read_text(encoding="utf-8")
        summary = database.run("maintain", {}).summary
    drawn = MarkdownIt("commonmark").enable("table").render(_CHART.sub("", summary))
    return {name: _PORT.sub("github.com", text) for name, text in (("page", page), ("summary", _AS_GITHUB + drawn))}


def draw(documents: Mapping[str, str], folder: Path) -> None:
    """Draw HTML documents, each into a PNG of its name in a folder."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, text in documents.items():
            shown = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
            shown.set_content(text)
            shown.screenshot(path=folder / f"{name}.png", full_page=True)
        browser.close()
