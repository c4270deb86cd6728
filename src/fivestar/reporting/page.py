"""A page of text, tables and charts in one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from fivestar.reporting import charts


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text."""

    paragraphs: Sequence[str]
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    frame
        Its index is not shown.
    caption
        Under the table.
    formats
        How cells of a column are written; a missing value is an empty cell.
    headings
        What to call columns.
    wide
        Whether it takes the page's whole width.
    """

    frame: pd.DataFrame
    caption: str = ""
    formats: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)
    wide: bool = True
    kind: str = field(default="table", init=False)

    @property
    def columns(self) -> list[str]:
        return [self.headings.get(str(name), str(name)) for name in self.frame.columns]

    @property
    def numeric(self) -> list[bool]:
        """Whether a column's cells are aligned as numbers."""
        return [pd.api.types.is_numeric_dtype(dtype) for dtype in self.frame.dtypes]

    @property
    def rows(self) -> list[list[str]]:
        columns = [
            [
                "" if _missing(cell) else self.formats.get(str(name), _written)(cell)
                for cell in cells
            ]
            for name, cells in self.frame.items()
        ]
        return [list(row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Picture:
    """A chart.

    Parameters
    ----------
    chart
        An Altair chart with the theme.
    caption
        Under the chart: how to read it, what to click.
    name
        In ``window.charts`` of the page, where a script finds the chart's view.
    wide
        Whether it takes the page's whole width.
    """

    chart: charts.Chart
    caption: str = ""
    name: str = ""
    wide: bool = False
    kind: str = field(default="picture", init=False)

    @property
    def empty(self) -> bool:
        """Whether the chart has no row of data to show."""
        return not any(self.chart.to_dict(validate=False).get("datasets", {}).values())

    @property
    def specification(self) -> str:
        """As JSON that is safe inside a script element."""
        text = json.dumps(self.chart.to_dict(validate=False), ensure_ascii=False)
        return text.replace("<", "\\u003c")


@dataclass(frozen=True)
class Section:
    """A heading and what follows it; its pictures share the width where there is room."""

    title: str
    parts: Sequence[Text | Table | Picture]


def render(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The page's HTML.

    Parameters
    ----------
    title, lead
        The heading, and a sentence under it.
    sections
        Linked from the top where there are several.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("fivestar.reporting").joinpath("page.html.jinja").read_text()
    )
    return template.render(title=title, lead=lead, sections=sections, library=_library())


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle  # its stub asks for arguments that it does not take
    return str(bundle()).replace("</script", "<\\/script")


def _written(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4f}" if abs(cell) < 10 else f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _missing(cell: Any) -> bool:
    return not isinstance(cell, list) and bool(pd.isna(cell))
