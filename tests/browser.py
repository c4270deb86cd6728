"""Pages in a real browser, without a network: what they draw, fetch and complain about.

``browser_page`` needs Playwright and a Chromium, and skips the test where one is missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = 20_000
"""For a page's charts, milliseconds."""

SETTLED = """() => window.charts !== undefined && [...document.querySelectorAll(".chart")]
  .every(place => place.dataset.name in window.charts || place.textContent.includes("Error"))"""
# Names of charts without a canvas, or with one colour from edge to edge.
BLANK = """() => [...document.querySelectorAll(".chart")].filter(place => {
  const canvas = place.querySelector("canvas");
  if (!canvas || !canvas.width || !canvas.height) return true;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const words = new Uint32Array(pixels.buffer);
  return words.every(word => word === words[0]);
}).map(place => place.dataset.name)"""
# What each visible mark stands for, and its colour.
MARKS = """async ([name, type]) => {
  await window.charts[name].runAsync();
  const found = [];
  const search = mark => mark.items.forEach(item => {
    if (mark.marktype === "group") item.items.forEach(search);
    else if (mark.marktype === type && mark.role === "mark" && item.opacity !== 0)
      found.push({...item.datum, fill: item.fill, text: item.text});
  });
  search(window.charts[name].scenegraph().root);
  return found;
}"""
# The middle of a mark's bounds in the chart's own pixels: groups are moved against each other.
MARK = """([name, datum, type]) => {
  const view = window.charts[name];
  const fits = item => item.datum
    && Object.entries(datum).every(([key, value]) => item.datum[key] === value);
  const search = (mark, x, y) => {
    for (const item of mark.items) {
      if (mark.marktype === "group") {
        for (const child of item.items) {
          const found = search(child, x + (item.x || 0), y + (item.y || 0));
          if (found) return found;
        }
      } else if (mark.marktype === type && item.opacity !== 0 && fits(item)) {
        const box = item.bounds;
        return [x + (box.x1 + box.x2) / 2, y + (box.y1 + box.y2) / 2];
      }
    }
  };
  const [[left, top], padding] = [view.origin(), view.padding()];
  return search(view.scenegraph().root, left + padding.left, top + padding.top);
}"""


@dataclass
class BrowserPage:
    """A page of charts, as ``fivestar.reporting.page.render`` makes it.

    Attributes
    ----------
    page : Playwright's, for all that is not here
    touch : whether it is used with a finger
    errors : console messages of the level error, uncaught exceptions, requests that failed
    outside : addresses that the page asked for and that are no files, such as https://...
    """

    page: Page
    touch: bool
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        """Show a file, and wait until its charts are drawn or one of them failed."""
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_function(SETTLED, timeout=WAIT)

    def charts(self) -> list[str]:
        """Names in ``window.charts``, in the page's order."""
        names: list[str] = self.page.evaluate(
            '[...document.querySelectorAll(".chart")].map(place => place.dataset.name)'
        )
        return names

    def blank(self) -> list[str]:
        """Names of charts that show nothing."""
        names: list[str] = self.page.evaluate(BLANK)
        return names

    def data(self, chart: str, dataset: str) -> list[dict[str, Any]]:
        """Rows of a data set of a chart's Vega view, as they are now."""
        rows: list[dict[str, Any]] = self.page.evaluate(
            """async ([chart, dataset]) => {
              await window.charts[chart].runAsync();
              return window.charts[chart].data(dataset).map(row => ({...row}));
            }""",
            [chart, dataset],
        )
        return rows

    def marks(self, chart: str, *, mark: str = "rect") -> list[dict[str, Any]]:
        """The datum of each mark that is drawn now, with its ``fill`` and ``text``."""
        drawn: list[dict[str, Any]] = self.page.evaluate(MARKS, [chart, mark])
        return drawn

    def click(
        self, chart: str, datum: Mapping[str, Any], *, mark: str = "rect", shift: bool = False
    ) -> None:
        """Click the middle of the visible mark that has these values, by mouse or by touch."""
        canvas = self.page.locator(f'[data-name="{chart}"] canvas')
        canvas.scroll_into_view_if_needed()
        place = self.page.evaluate(MARK, [chart, dict(datum), mark])
        assert place, f"{chart}: no {mark} of {datum}"
        x, y = place
        modifiers: Any = ["Shift"] if shift else []
        press = canvas.tap if self.touch else canvas.click
        press(position={"x": x, "y": y}, modifiers=modifiers)


@contextmanager
def browser_page(
    width: int = 1280, height: int = 900, *, touch: bool = False
) -> Iterator[BrowserPage]:
    """An empty page that is offline, with nothing left of earlier ones.

    Parameters
    ----------
    width, height
        Of the window, pixels; a phone is about 390 x 844.
    touch
        Whether it is used with a finger.
    """
    viewport: Any = {"width": width, "height": height}
    with _browser() as browser:
        context = browser.new_context(offline=True, viewport=viewport, has_touch=touch)
        try:
            yield _listening(context.new_page(), touch)
        finally:
            context.close()


_open: list[Browser] = []


@contextmanager
def _browser() -> Iterator[Browser]:
    """One for all pages that are open at the same time: Playwright runs once a process."""
    if _open:
        yield _open[0]
        return
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        pytest.skip("no Playwright: pip install playwright")
    with sync_playwright() as playwright:
        chromium = find_chromium() or playwright.chromium.executable_path
        if not Path(chromium).is_file():
            pytest.skip(
                "no Chromium: apt install chromium, or `playwright install chromium`, "
                "or name the program in the environment variable CHROMIUM"
            )
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        _open.append(browser)
        try:
            yield browser
        finally:
            _open.remove(browser)
            browser.close()


def find_chromium() -> str | None:
    """The program that CHROMIUM names, or one in the PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named) or named
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _listening(page: Page, touch: bool) -> BrowserPage:
    visit = BrowserPage(page, touch)
    page.on(
        "console", lambda said: visit.errors.append(said.text) if said.type == "error" else None
    )
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url[:200]}"))
    local = ("file:", "data:", "blob:")
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(local) else visit.outside.append(asked.url),
    )
    return visit
