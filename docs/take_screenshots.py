"""Screenshots for the README and the docs, of what the latest runs have left.

    make run screenshots

Opens the report's pages, MLflow and kedro-viz in a real browser, and writes docs/pictures/*.png.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.tracking import MlflowClient
from playwright.sync_api import Page, sync_playwright

from fivestar.datasets import VegaChart

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.browser import BrowserPage, browser_page, find_chromium  # noqa: E402

PICTURES = ROOT / "docs/pictures"
STORE = f"sqlite:///{ROOT}/mlruns/mlflow.db"
REPORTING = ROOT / "data/08_reporting/demo"
WIDE = {"width": 1440, "height": 900}
RATED = {"Titanic": 2, "Toy Story": 4, "Alien": 4, "Pulp Fiction": 5, "Fargo": 5}
"""Of someone who tries the page."""
MLFLOW, VIZ = "http://127.0.0.1:5055", "http://127.0.0.1:4155"


@contextmanager
def serving(url: str, *command: str) -> Iterator[None]:
    """Run a server until its pages were taken."""
    server = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield
    finally:
        # The server's own children too.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def mlflow_pages(page: Page) -> None:
    """Runs as a table, as charts, and the compare page of the latest run of the pipeline."""
    client = MlflowClient(tracking_uri=STORE)
    experiment = client.get_experiment_by_name("fivestar")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
    demo = [
        run for run in runs if run.data.tags["place"] == "demo" and "test_rmse" in run.data.metrics
    ]
    latest = [r for r in demo if r.data.tags["kedro_run"] == demo[0].data.tags["kedro_run"]]
    kedro_run = latest[0].data.tags["kedro_run"]
    shown = f"searchFilter=tags.kedro_run%3D%22{kedro_run}%22&workflowType=machine_learning"
    here = f"{MLFLOW}/#/experiments/{experiment.experiment_id}/runs?{shown}"
    take(page, f"{here}&compareRunsMode=CHART", "mlflow-charts")
    ids = json.dumps([run.info.run_id for run in latest], separators=(",", ":"))
    experiments = json.dumps([experiment.experiment_id])
    compare = f"{MLFLOW}/#/compare-runs?runs={ids}&experiments={experiments}"
    take(page, f"{compare}&workflowType=machine_learning", "mlflow-compare")


def viz_pages(page: Page) -> None:
    """The pipeline with a box for each model."""
    take(page, VIZ, "kedro-viz")


def report_pages() -> None:
    """The pages that are files, with something chosen in their linked charts."""
    with browser_page(1440, 900) as visit:
        visit.open(REPORTING / "report.html")
        show(visit, "leaderboard")
        visit.page.screenshot(path=PICTURES / "report.png")
        visit.open(REPORTING / "exploration.html")
        visit.click("linked_users", {"feature_2": "student"})
        show(visit, "linked_users")
        visit.page.screenshot(path=PICTURES / "exploration.png")
        visit.open(REPORTING / "inspection.html")
        visit.click("map", {"value": "Horror"}, mark="text")
        show(visit, "map")
        visit.page.screenshot(path=PICTURES / "inspection.png")
    with browser_page(390, 844) as phone:
        phone.open(REPORTING / "report.html")
        phone.page.screenshot(path=PICTURES / "report-phone.png")


def page_to_try() -> None:
    """Some titles are rated, and the sum of the first recommendation is shown."""
    with browser_page(1280, 900) as visit, browser_page(390, 844) as phone:
        for each, name in ((visit, "try"), (phone, "try-phone")):
            page = each.page
            page.goto((REPORTING / "try.html").as_uri())
            for title, stars in RATED.items():
                page.get_by_role("searchbox").fill(title)
                page.locator("#found .star").nth(stars - 1).click()
            page.get_by_role("searchbox").fill("")
            page.locator("#best summary").first.click()
            page.evaluate("scrollTo(0, 0)")
            page.mouse.move(5, 5)  # no star is pointed at
            page.wait_for_timeout(1000)
            page.screenshot(path=PICTURES / f"{name}.png")


def picture_of_cold_start() -> None:
    """The chart as kedro-viz previews it."""
    chart = VegaChart(filepath=str(REPORTING / "cold_start/errors.json"))
    (PICTURES / "cold-start.png").write_bytes(base64.b64decode(chart.preview()))


def show(visit: BrowserPage, chart: str) -> None:
    """Scroll to the heading of a chart's section, and wait until its marks are redrawn."""
    visit.page.locator(f"section:has([data-name='{chart}'])").evaluate("e => e.scrollIntoView()")
    visit.page.mouse.move(5, 5)  # no tooltip
    visit.page.wait_for_timeout(500)


def take(page: Page, url: str, name: str) -> None:
    """Open a page, close what covers it, and write its picture."""
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_timeout(7000)
    for label in ("Close", "Got it", "Dismiss", "Close tour"):
        buttons = page.get_by_role("button", name=label)
        for _ in range(5):  # one click may take several away, or bring another
            shown = [button for button in buttons.element_handles() if button.is_visible()]
            if not shown:
                break
            shown[0].evaluate("button => button.click()")
            page.wait_for_timeout(500)
    hints = page.locator(".feature-hints__close")
    if hints.count():
        hints.first.click(timeout=2000)
        page.wait_for_timeout(6000)
    page.wait_for_timeout(2500)
    page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chromium", default=find_chromium(), help="the browser's path")
    options = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    report_pages()
    page_to_try()
    picture_of_cold_start()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=arguments)
        page = browser.new_page(viewport=WIDE)
        with serving(
            f"{MLFLOW}/health", "mlflow", "ui", "--backend-store-uri", STORE, "--port", "5055"
        ):
            mlflow_pages(page)
        with serving(VIZ, "kedro", "viz", "run", "--no-browser", "--port", "4155"):
            viz_pages(page)
        browser.close()


if __name__ == "__main__":
    main()
