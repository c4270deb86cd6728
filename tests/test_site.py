"""The site of the documents: complete, and read without any other server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import build_site, model_pages

from .browser import browser_page
from .project import ROOT
from .test_static_site import served

BLOCKS = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text("utf-8"))["models"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patched:
        small = '<svg xmlns="http://www.w3.org/2000/svg"/>'
        patched.setattr(model_pages, "picture", lambda *_: small)
        yield build_site.build(tmp_path_factory.mktemp("docs"))


def pages_of(nav: Any) -> Iterator[str]:
    """The pages in a section of the configuration, and in those below it."""
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from pages_of(value) if isinstance(value, list) else [value]


def test_every_page_is_in_a_section() -> None:
    config = yaml.safe_load((ROOT / "docs/mkdocs.yml").read_text("utf-8"))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    listed = set(pages_of(config["nav"]))
    assert written | set(build_site.FROM_ROOT.values()) == listed, "see nav in docs/mkdocs.yml"


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/index.md").write_text("[lost](nowhere.md)")
    with pytest.raises(build_site.subprocess.CalledProcessError):
        build_site.run_generator(tmp_path, {"site_name": "test"})
    assert "page does not exist" in capfd.readouterr().err


@pytest.mark.parametrize("name", BLOCKS)
def test_each_model_has_a_page_with_its_settings_and_figures(site: Path, name: str) -> None:
    page = (site.parent / f"source/models/{name}.md").read_text("utf-8")
    settings = page.partition("## Settings")[2].partition("## Figures")[0]
    rows = [row for row in settings.splitlines() if row.startswith("| `")]
    assert len(rows) >= 4
    for row in rows:
        assert not row.endswith("|  |"), f"the docstring does not say what it means: {row}"
    assert "| 1 | " in page
    assert "| mean | " in page
    assert (site / f"models/{name}.html").is_file()


def test_pages_of_blocks_show_what_differs_from_the_family(site: Path) -> None:
    page = (site.parent / "source/models/gradient_descent_course.md").read_text("utf-8")
    assert "| `learning_rate` | `25.0` (family: " in page
    assert "sum_ui (r_ui - mu - b_u - b_i - a_u . f_i)^2" in page


def test_a_reader_asks_no_other_server_and_finds_by_words(site: Path) -> None:
    with served(site) as address, browser_page() as visit:
        visit.page.context.set_offline(False)
        visit.page.goto(f"{address}models/als.html")
        assert visit.page.locator("h1").inner_text().startswith("als")
        visit.page.keyboard.press("Control+k")
        visit.page.keyboard.type("cutpoints")
        visit.page.get_by_role("link", name="bayesian_mf").first.wait_for()
        assert not visit.errors
        assert all(url.startswith(address) for url in visit.outside)
