"""A chart to click through: choosing categories filters the histograms beside them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.pipelines.exploration.bins import even_step, in_bins, in_count_bins
from fivestar.pipelines.exploration.charts import nothing, slanted
from fivestar.pipelines.exploration.features import is_list, shown_order
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import Scale
from fivestar.reporting.charts import COLORS, REST, Chart, dressed

NOT_FEATURES = ("user", "item", "title", "n_ratings", "mean_rating")
MOST_ROWS = 10_000
"""Different rows that a page carries; beyond them a sample of the users or items."""
MOST_MEANS = 25
"""Bars of the histogram of means."""
HISTOGRAM: dict[str, Any] = {"width": 400, "height": 190}
FEATURE: dict[str, Any] = {"width": 290, "height": alt.Step(17)}
PRESS = "click, touchend![event.cancelable]"
"""A mouse click or a tap. (The touch that ends a swipe cannot be cancelled; and ! cancels the
click after a tap, for Vega finds no bar under it.)"""
ADD = "event.shiftKey || event.type === 'touchend'"
"""When it adds to what is chosen, or takes away from it: a finger has no shift key."""


def features_of(table: pd.DataFrame) -> list[str]:
    """The columns that users or items can be chosen by."""
    return [str(name) for name in table if name not in NOT_FEATURES]


def draw_linked(
    table: pd.DataFrame, scale: Scale, settings: ExplorationSettings, *, what: str
) -> Chart:
    """Histograms of the ratings per user (or item) and of their means, with bars to choose by.

    Grey bars stand for all, coloured ones for those that are chosen. Of one feature several
    categories may be chosen; of several features all must fit. An item with several chosen
    genres counts once.

    Parameters
    ----------
    table
        As ``describe_users`` or ``describe_items`` give it.
    what
        ``user`` or ``item``.

    Returns
    -------
    chart
        The fields of its bars are ``ratings``, ``mean`` or ``feature_0``, ``feature_1``, ..., and
        ``number``; the selections are ``choice_0``, ...
    """
    title = f"Ratings and means of {what}s"
    features = features_of(table)
    if not features:
        return nothing(title, f"This data set has no categories of {what}s to choose by.")
    binned = _binned(table, features, scale)
    orders = {str(name): shown_order(cells) for name, cells in binned.items()}
    rows, n_kept = _rows(binned, settings.seed)
    lists = [str(name) for name, cells in binned.items() if is_list(cells)]
    everyone = f"{n_kept:,} {what}s"
    if n_kept < len(table):
        everyone += f", a sample of {len(table):,}"
    panel = _Panel(rows, orders, lists, what)
    chart = panel.chart(dict(zip(panel.fields, features, strict=True)), everyone)
    return dressed(chart, title, "Colour: those chosen by a click below. Grey: all.")


def _binned(table: pd.DataFrame, features: list[str], scale: Scale) -> pd.DataFrame:
    """Features under plain names, for those of a data set may hold dots and brackets."""
    columns = {f"feature_{n}": table[name] for n, name in enumerate(features)}
    step = even_step(scale.highest - scale.lowest, MOST_MEANS)
    return pd.DataFrame(
        {
            **columns,
            "ratings": in_count_bins(table["n_ratings"]),
            "mean": in_bins(table["mean_rating"], scale.lowest, scale.highest, step),
        }
    )


def _rows(binned: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, int]:
    """Equal rows as one with its ``weight``, and the sum of the weights."""
    keys = binned.apply(lambda cells: cells.map(tuple) if is_list(cells) else cells.astype("str"))

    def merged(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.groupby(list(frame), sort=False).size().rename("weight").reset_index()

    rows = merged(keys)
    if len(rows) > MOST_ROWS:
        rows = merged(keys.sample(MOST_ROWS, random_state=seed))
    return rows.assign(row=range(len(rows))), int(rows["weight"].sum())


class _Panel:
    """The views of one composed chart on the same rows.

    Parameters
    ----------
    rows
        A bin of ratings and of the mean, categories, ``weight`` and ``row``.
    orders
        Categories of each field as they are shown.
    lists
        Fields with several words a row.
    what
        ``user`` or ``item``.
    """

    def __init__(
        self, rows: pd.DataFrame, orders: dict[str, list[str]], lists: list[str], what: str
    ) -> None:
        self.rows, self.orders, self.lists, self.what = rows, orders, lists, what
        self.fields = [field for field in orders if field.startswith("feature_")]
        self.choices = {
            field: alt.selection_point(
                name=f"choice_{n}", fields=[field], toggle=ADD, on=PRESS, clear="dblclick"
            )
            for n, field in enumerate(self.fields)
        }

    def chart(self, names: dict[str, str], everyone: str) -> alt.VConcatChart:
        """Histograms above, features below: so a phone shows some of both.

        Parameters
        ----------
        names
            Of features, by their field.
        everyone
            How many there are to choose from, in words.
        """
        histograms = alt.hconcat(
            self.histogram("ratings", f"number of ratings per {self.what}"),
            self.histogram("mean", f"mean rating per {self.what} (stars)"),
        )
        columns = [
            alt.vconcat(*(self.feature(field, names[field]) for field in fields))
            for fields in self.columns()
        ]
        picture: alt.VConcatChart = alt.vconcat(
            self.told(everyone), histograms, alt.hconcat(*columns), spacing=12
        )
        return picture

    def columns(self) -> list[list[str]]:
        """Features in two columns of about the same height, the one with most bars first."""
        columns: tuple[list[str], list[str]] = ([], [])
        for field in sorted(self.fields, key=lambda f: -len(self.orders[f])):
            shorter = min(columns, key=lambda c: sum(len(self.orders[f]) + 4 for f in c))
            shorter.append(field)
        return [column for column in columns if column]

    def told(self, everyone: str) -> alt.Chart:
        """How many are chosen."""
        text = f"format(datum.number || 0, ',') + ' of {everyone}'"
        chart = self._counted([], chosen=True).transform_calculate(text=text)
        chart = chart.mark_text(align="left", fontSize=13, fontWeight=600, color=COLORS[0])
        chart = chart.encode(x=alt.value(0), text="text:N")
        line: alt.Chart = chart.properties(height=16, width=HISTOGRAM["width"])
        return line

    def histogram(self, field: str, title: str) -> alt.LayerChart:
        """Of a bin, all and chosen."""
        x = alt.X(
            f"{field}:O",
            title=title,
            axis=slanted(),
            sort=None,
            scale=alt.Scale(domain=self.orders[field]),
        )
        y = alt.Y("number:Q", title=f"{self.what}s", stack=None)
        layers = (layer.encode(x=x, y=y) for layer in self._layers(field))
        return alt.LayerChart(layer=list(layers), **HISTOGRAM)

    def feature(self, field: str, name: str) -> alt.LayerChart:
        """Bars to click, anywhere in their row: those of few are too short to hit."""
        y = alt.Y(
            f"{field}:N",
            title=None,
            sort=None,
            scale=alt.Scale(domain=self.orders[field], padding=0.08),
            axis=alt.Axis(labelLimit=120, ticks=False, domain=False),
        )
        x = alt.X("number:Q", title=f"{self.what}s", axis=alt.Axis(tickCount=4), stack=None)
        row = self._counted([field], chosen=False).mark_rect(opacity=0, cursor="pointer")
        row = row.encode(y=y).add_params(self.choices[field])
        bars = (layer.encode(x=x, y=y) for layer in self._layers(field))
        return alt.LayerChart(layer=[row, *bars], title=name, **FEATURE)

    def _layers(self, field: str) -> tuple[alt.Chart, alt.Chart]:
        """Bars of all in grey, and of the chosen over them."""
        tooltip = [
            alt.Tooltip(f"{field}:N", title=" "),
            alt.Tooltip("number:Q", title=f"{self.what}s", format=","),
        ]
        every = self._counted([field], chosen=False).mark_bar(color=REST, cursor="pointer")
        chosen = self._counted([field], chosen=True).mark_bar(color=COLORS[0], cursor="pointer")
        return every.encode(tooltip=tooltip), chosen.encode(tooltip=tooltip)

    def _counted(self, fields: list[str], *, chosen: bool) -> alt.Chart:
        """Users or items by fields; one with several words of a list counts once for each field."""
        chart = alt.Chart(self.rows)
        for field in self.lists:
            if chosen or field in fields:
                chart = chart.transform_flatten([field])
        if chosen:
            for choice in self.choices.values():
                chart = chart.transform_filter(choice)
        groups: Any = fields
        if self.lists:
            chart = chart.transform_aggregate(weight="max(weight)", groupby=["row", *groups])
        return chart.transform_aggregate(number="sum(weight)", groupby=groups)
