"""A page in a real browser: it opens, is searched, sorted and used by the keyboard; nothing fails, and nothing leaves it."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Mset, Set
from git_keyval.database.perform import perform
from tests.page.pages import in_memory, page_of
from tests.page.test_render import HOSTILE
from tests.world import key, text

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; .ci/servers installs it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of 200 keys, and of some with hostile names."""
    world = in_memory()
    for ttl, low in ((None, 0), (3 * 86_400, 100)):
        values = {key(f"key {place:03}"): text("x" * place) for place in range(low, low + 100)}
        perform(world.database(), Mset(values=values, ttl=ttl, store_key=True))
    perform(world.database(), Mset(values={key(name): text("v") for name in HOSTILE}, store_key=True))
    perform(world.database(), Incr(key=key("n"), store_key=True))
    world.plant(key("n"), 1)
    perform(world.database(), Set(key=key("unnamed"), value=text("v")))
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page_of(world), encoding="utf-8")
    return path


class Opened:
    """A page in a browser, and what it did."""

    def __init__(self, browser: Browser, file: Path, **options: Any) -> None:  # noqa: ANN401  # whatever a context takes
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def names(self) -> list[str]:
        """Return the names of the rows that are shown, in their order."""
        found: list[str] = self.page.eval_on_selector_all(
            "#table tbody tr", "rows => rows.filter(row => row.offsetParent).map(row => row.cells[0].textContent.trim())"
        )
        return found


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Opened]:
    found = Opened(browser, file)
    yield found
    assert found.said == []
    assert [url for url in found.requests if not url.startswith(("file:", "data:"))] == []
    found.context.close()


def test_it_opens_and_shows_all_keys(opened: Opened) -> None:
    """No hostile name does anything."""
    assert len(opened.names()) == 200 + len(HOSTILE) + 2
    assert opened.page.title() == "org/db · git-keyval"
    assert opened.page.locator("#shown").text_content() == "212 keys"
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("img").count() == 0


def test_it_is_searched(opened: Opened) -> None:
    opened.page.get_by_label("Search").fill("KEY 01")
    assert opened.names() == [f"key 01{digit}" for digit in range(10)]
    assert opened.page.locator("#shown").text_content() == "10 of 212 keys"
    opened.page.get_by_label("Search").fill("<script>")
    assert opened.names() == ["</script><script>alert(1)</script>"]
    opened.page.get_by_label("Search").fill("")
    opened.page.get_by_label("Type").select_option("counter")
    assert opened.names() == ["n"]


def test_it_is_sorted(opened: Opened) -> None:
    opened.page.get_by_label("Search").fill("key")
    opened.page.get_by_role("button", name="bytes").click()
    assert opened.names()[:2] == ["key 000", "key 001"]
    opened.page.get_by_role("button", name="bytes").click()
    assert opened.names()[:2] == ["key 199", "key 198"]
    assert opened.page.locator("th[aria-sort]").count() == 1
    assert opened.page.locator("th[aria-sort=descending]").text_content() == "bytes"
    opened.page.get_by_role("button", name="ends").click()
    assert opened.names()[0].startswith("key 1")
    opened.page.get_by_role("button", name="name").click()
    assert opened.names()[0] == "key 000"
    opened.page.get_by_label("Search").fill("")
    opened.page.get_by_role("button", name="waiting").click()
    opened.page.get_by_role("button", name="waiting").click()
    assert opened.names()[0] == "n"
    assert opened.page.locator("tr.id").count() == 1


def test_it_is_used_by_the_keyboard(opened: Opened) -> None:
    """The first tab leads to the keys, a slash to the search; headings are buttons, and what scrolls can be reached."""
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.textContent") == "Skip to the keys"
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "keys"
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("key 19")
    assert len(opened.names()) == 10
    reached = []
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        reached.append(opened.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim().slice(0, 20)"))
    assert [
        name
        for name in reached
        if name
        in {
            "type",
            "name",
            "category/type",
            "bytes",
            "ends (UTC)",
            "waiting",
        }
    ] == ["type", "name", "category/type", "bytes", "ends (UTC)", "waiting"]
    opened.page.get_by_role("button", name="bytes").focus()
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("Space")
    assert opened.names()[0] == "key 199"


def test_it_is_readable_without_scripts(browser: Browser, file: Path) -> None:
    """All keys are there, and nothing that would not work."""
    opened = Opened(browser, file, java_script_enabled=False)
    rows = opened.page.locator("#table tbody tr")
    assert rows.count() == 212
    assert rows.last.is_visible()
    assert opened.page.get_by_label("Search").is_hidden()
    assert opened.page.get_by_role("heading", name="When keys end").is_visible()
    opened.context.close()


LUMINANCE = """colour => {
  const linear = part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = colour.match(/[\\d.]+/g).map(part => linear(Number(part) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""
CONTRASTS = f"""() => {{
  const luminance = {LUMINANCE};
  const behind = element => {{
    for (; element; element = element.parentElement) {{
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }}
    return 'rgb(255, 255, 255)';
  }};
  const found = [];
  for (const element of document.querySelectorAll('body *')) {{
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.offsetParent) continue;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) found.push([element.tagName, element.className, element.textContent.slice(0, 30), contrast]);
  }}
  return found;
}}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_either_scheme(browser: Browser, file: Path, scheme: str) -> None:
    """https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    opened = Opened(browser, file, color_scheme=scheme)
    assert opened.page.evaluate(CONTRASTS) == []
    background = opened.page.evaluate(f"({LUMINANCE})(getComputedStyle(document.body).backgroundColor)")
    assert (background < 0.1) is (scheme == "dark")
    opened.context.close()


def test_everything_has_a_name(opened: Opened) -> None:
    """Regions, buttons and fields, for who hears the page; headings in their order; and one main part."""
    for role in ("region", "button", "searchbox", "combobox", "img", "link"):
        for place in opened.page.get_by_role(role).all():
            name = place.evaluate(
                """element => element.getAttribute('aria-label') || element.textContent.trim()
                || (document.getElementById(element.getAttribute('aria-labelledby')) || {}).textContent
                || (element.labels && element.labels[0] && element.labels[0].textContent)"""
            )
            assert name, (role, place)
    levels = opened.page.eval_on_selector_all("h1, h2, h3", "all => all.map(each => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert opened.page.locator("main").count() == 1
    assert opened.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_it_fits_any_screen(browser: Browser, file: Path, width: int) -> None:
    opened = Opened(browser, file, viewport={"width": width, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.context.close()
