"""A chart to click through: choosing categories filters the histograms beside them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.pipelines.exploration.bins import count_cut, scale_cut
from fivestar.pipelines.exploration.charts import nothing, slanted
from fivestar.pipelines.exploration.features import is_list, shown_order
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.pipelines.exploration.tables import features_of
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, REST, Chart, themed

MAX_ROWS = 10_000
"""Different rows that a page carries; beyond them a sample of the users or items."""
HISTOGRAM: dict[str, Any] = {"width": 400, "height": 190}
FEATURE: dict[str, Any] = {"width": 290, "height": alt.Step(17)}
# A mouse click or a tap. (The touch that ends a swipe cannot be cancelled; and ! cancels the
# click after a tap, for Vega finds no bar under it.) A finger has no shift key to add with.
CHOICE: dict[str, Any] = {
    "on": "click, touchend![event.cancelable]",
    "toggle": "event.shiftKey || event.type === 'touchend'",
    "clear": "dblclick",
}


def draw_linked(
    users: pd.DataFrame, items: pd.DataFrame, data: TrainingData, settings: ExplorationSettings
) -> tuple[Chart, Chart]:
    """Histograms of the ratings per user (or item) and of their means, with bars to choose by.

    Grey bars stand for all, coloured ones for those that are chosen. Of one feature several
    categories may be chosen; of several features all must fit. An item with several chosen
    genres counts once.

    Returns
    -------
    charts
        Of users and of items. The fields of their bars are ``ratings``, ``mean`` or
        ``feature_0``, ``feature_1``, ..., and ``number``; the selections are ``choice_0``, ...
    """
    return draw_one(users, "user", data, settings), draw_one(items, "item", data, settings)


def draw_one(
    table: pd.DataFrame, what: str, data: TrainingData, settings: ExplorationSettings
) -> Chart:
    """Of the table of ``what``, users or items."""
    title, features = f"Ratings and means of {what}s", features_of(table)
    if not features:
        return nothing(title, f"This data set has no categories of {what}s to choose by.", data)
    # Plain names, for those of a data set may hold dots and brackets.
    names = {f"feature_{n}": name for n, name in enumerate(features)}
    binned = table[features].set_axis(list(names), axis=1)
    binned["ratings"] = count_cut(table["n_ratings"])
    binned["mean"] = scale_cut(table["mean_rating"], data.scale)
    rows = _merged(binned, settings.seed)
    everyone = f"{rows['weight'].sum():,} {what}s"
    if rows["weight"].sum() < len(table):
        everyone += f", a sample of {len(table):,}"
    panel = _Panel(binned, rows, what)
    histograms = alt.hconcat(
        panel.histogram("ratings", f"number of ratings per {what}"),
        panel.histogram("mean", f"mean rating per {what}"),
    )
    columns = (
        alt.vconcat(*(panel.feature(field, names[field]) for field in fields))
        for fields in panel.columns()
    )
    # Histograms above, features below: so a phone shows some of both.
    chart = alt.vconcat(panel.told(everyone), histograms, alt.hconcat(*columns), spacing=12)
    how = f"Colour: those chosen by a click below. Grey: all. {data.title}."
    return themed(chart, title, how)


def _merged(binned: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Equal rows as one with its ``weight``, numbered by ``row``."""
    keys = binned.apply(lambda cells: cells.map(tuple) if is_list(cells) else cells.astype("str"))
    if len(keys) > MAX_ROWS and len(keys.drop_duplicates()) > MAX_ROWS:
        keys = keys.sample(MAX_ROWS, random_state=seed)
    rows = keys.value_counts(sort=False).rename("weight").reset_index()
    numbered: pd.DataFrame = rows.assign(row=range(len(rows)))
    return numbered


class _Panel:
    """The views of one composed chart on the same rows.

    Parameters
    ----------
    binned
        The bin of the ratings and of the mean, and the categories, of each user or item.
    rows
        The same with equal ones merged, see ``_merged``.
    """

    def __init__(self, binned: pd.DataFrame, rows: pd.DataFrame, what: str) -> None:
        self.rows, self.what = rows, what
        self.orders = {str(field): shown_order(cells) for field, cells in binned.items()}
        self.lists = [str(field) for field, cells in binned.items() if is_list(cells)]
        self.choices = {
            field: alt.selection_point(field.replace("feature", "choice"), fields=[field], **CHOICE)
            for field in self.orders
            if field.startswith("feature_")
        }

    def columns(self) -> list[list[str]]:
        """Features in two columns of about the same height, the one with most bars first."""
        columns: tuple[list[str], list[str]] = ([], [])
        for field in sorted(self.choices, key=lambda f: -len(self.orders[f])):
            min(columns, key=lambda c: sum(len(self.orders[f]) + 4 for f in c)).append(field)
        return [column for column in columns if column]

    def told(self, everyone: str) -> alt.Chart:
        """How many are chosen of how many there are to choose from, in words."""
        text = f"format(datum.number || 0, ',') + ' of {everyone}'"
        chart = self._counted([], chosen=True).transform_calculate(text=text)
        chart = chart.mark_text(align="left", fontSize=13, fontWeight=600, color=COLORS[0])
        chart = chart.encode(x=alt.value(0), text="text:N")
        line: alt.Chart = chart.properties(height=16, width=HISTOGRAM["width"])
        return line

    def histogram(self, field: str, title: str) -> alt.LayerChart:
        """Of a bin, all and chosen."""
        domain = alt.Scale(domain=self.orders[field])
        x = alt.X(f"{field}:O", title=title, axis=slanted(), sort=None, scale=domain)
        y = alt.Y("number:Q", title=f"{self.what}s", stack=None)
        return alt.LayerChart(layer=self._layers(field, x=x, y=y), **HISTOGRAM)

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
        return alt.LayerChart(layer=[row, *self._layers(field, x=x, y=y)], title=name, **FEATURE)

    def _layers(self, field: str, **encodings: Any) -> list[alt.Chart]:
        """Bars of all in grey, and of the chosen over them."""
        number = alt.Tooltip("number:Q", title=f"{self.what}s", format=",")
        tooltip = [alt.Tooltip(f"{field}:N", title=" "), number]
        return [
            self._counted([field], chosen=chosen)
            .mark_bar(color=color, cursor="pointer")
            .encode(tooltip=tooltip, **encodings)
            for chosen, color in ((False, REST), (True, COLORS[0]))
        ]

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
