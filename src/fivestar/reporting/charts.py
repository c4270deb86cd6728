"""The theme of all charts: Vega-Lite specifications, made with Altair."""

from __future__ import annotations

from typing import Any, Protocol


class Chart(Protocol):
    """An Altair chart of any composition: a layer, views side by side."""

    def to_dict(self, *, validate: bool = True) -> dict[str, Any]:
        """The Vega-Lite specification."""


COLORS = [
    *("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951"),
    *("#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0"),
]
"""One for each model, told apart by colour-blind readers too; repeated past ten."""
REST = "#d4d6da"
"""Of marks that a selection leaves out."""
GREY = COLORS[-1]
"""Of what the coloured marks are compared with."""
MAX_MARKS = 5000
"""Marks of a scatter plot: more are slow on a phone, and hide each other."""

CONFIG: dict[str, Any] = {
    "font": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
    "background": "white",
    "view": {"stroke": None},
    "range": {"category": COLORS},
    "mark": {"color": COLORS[0]},
    "axis": {"gridColor": "#eceef1", "domainColor": "#9498a0", "tickColor": "#9498a0"},
    "title": {
        **{"anchor": "start", "fontSize": 14, "fontWeight": 600, "offset": 10},
        "subtitleColor": "#596273",
    },
    "legend": {"orient": "bottom", "columns": 2, "symbolLimit": 60, "title": None},
}


def themed(chart: Any, title: str, *told: str) -> Chart:
    """The finished chart: a title above, and what all charts have in common.

    Parameters
    ----------
    chart
        Of any composition. Give it ``width="container"`` where it may take the page's width.
    title
        What is seen.
    told
        Lines below the title: what has to be known to read the chart, and which data it is of.
    """
    import altair as alt  # here, for it takes a quarter of a second that few commands need

    # Nodes bound their data themselves (MAX_MARKS); Altair's own limit counts table rows.
    alt.data_transformers.disable_max_rows()
    lines = [line for line in told if line]
    subtitle = lines if len(lines) > 1 else "".join(lines)
    properties: dict[str, Any] = {
        "title": alt.TitleParams(title, subtitle=subtitle) if lines else title
    }
    if getattr(chart, "width", None) == "container":  # of views side by side it has no meaning
        properties["autosize"] = alt.AutoSizeParams(type="fit-x", contains="padding")
    finished: Chart = chart.properties(**properties).configure(**CONFIG)
    return finished
