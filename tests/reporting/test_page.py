"""A page holds what it is given, safely, and needs nothing else."""

from __future__ import annotations

import json
import re

import altair as alt
import numpy as np
import pandas as pd

from fivestar.reporting.charts import themed
from fivestar.reporting.page import Picture, Section, Table, Text, render

NASTY = "</script><script>alert(1)</script> <b>&amp; 'Amélie' \u2028"


def page() -> str:
    table = pd.DataFrame({"title": [NASTY, None], "stars": [4.25, np.nan], "n": [12345, 1]})
    dots = alt.Chart(table, width="container").mark_point().encode(x="stars:Q", tooltip="title:N")
    sections = [
        Section("First", [Text([NASTY]), Picture(themed(dots, NASTY), NASTY, name="dots")]),
        Section("Second", [Table(table, headings={"n": "ratings"})]),
    ]
    return render(NASTY, "lead", sections)


def test_titles_cannot_break_out_of_the_page() -> None:
    html = page()
    assert "<script>alert(1)" not in html
    assert html.count("</script>") == html.count("<script")
    assert "&lt;b&gt;" in html


def test_charts_are_embedded_whole() -> None:
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page())
    specification = json.loads(text)
    assert specification["title"] == NASTY
    (rows,) = specification["datasets"].values()
    assert rows[0]["title"] == NASTY
    assert 'data-name="dots"' in page()


def test_nothing_is_fetched_from_elsewhere() -> None:
    targets = re.findall(r"(?:src|href)=[\"']?([^\"'>]*)", before_the_library(page()))
    assert targets == ["data:,", "#part-1", "#part-2"]


def test_tables_write_numbers_plainly_and_leave_missing_cells_empty() -> None:
    html = before_the_library(page())
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert cells[1:] == ["4.2500", "12,345", "", "", "1"]
    assert '<th class="number">ratings</th>' in html


def before_the_library(html: str) -> str:
    return html.rpartition("</section>")[0]
