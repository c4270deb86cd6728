"""The pipeline as a static site: built by kedro-viz, served from a folder, with previews."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .browser import browser_page
from .project import make_project, run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("site"))
    run(project, params={"line_up": ["item_mean", "bias"]})
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=180)
    return project / "build"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are no news."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_every_dataset_has_its_page(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert len(list((site / "api/nodes").iterdir())) > 100


@pytest.mark.slow
def test_a_browser_shows_the_pipeline_and_the_preview_of_a_picture(site: Path) -> None:
    with served(site) as address, browser_page(1440) as visit:
        page = visit.page
        page.context.set_offline(False)
        page.goto(address)
        search = page.get_by_placeholder("Search").first
        search.wait_for()
        hints = page.locator(".feature-hints__close")
        hints.wait_for()
        hints.click()
        assert page.locator(".pipeline-node").count() > 20
        search.fill("leaderboard_chart")
        page.locator(".node-list-row").filter(has_text="leaderboard_chart").first.click()
        picture = page.locator("img.pipeline-metadata__plot-image")
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 600
