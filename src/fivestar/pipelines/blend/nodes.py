"""The weights of a blend, as a table and a picture."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.failure import Failure
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, Chart, themed

SHADES = [COLORS[7], COLORS[0], COLORS[6]]
COLUMNS = ["model", "weight", "with_user_ratings", "with_item_ratings", "out_of_fold_rmse"]


def tabulate_weights(model: Any) -> pd.DataFrame:
    """A row a member: its weight, and the change with the numbers of ratings.

    Parameters
    ----------
    model
        The trained blend; a failed one has no rows.

    Returns
    -------
    ``model``; ``weight`` at usual numbers of ratings; ``with_user_ratings`` and
    ``with_item_ratings``, what is added to it for each standard deviation by which log(1 + n)
    of the user, or of the item, is above the mean; ``out_of_fold_rmse`` of the member alone.
    """
    if isinstance(model, Failure) or model.biases_only:
        return pd.DataFrame(columns=COLUMNS)
    weights = pd.DataFrame(model.weights[1:], columns=COLUMNS[1:4])
    weights.insert(0, "model", list(model.members))
    return weights.assign(out_of_fold_rmse=model.out_of_fold_rmse * model.unit)


def draw_weights(weights: pd.DataFrame, data: TrainingData, *, label: str) -> Chart:
    """Bars of the weights, as the user has few or many ratings."""
    levels = {"few ratings": -1.0, "usual": 0.0, "many ratings": 1.0}
    long = pd.concat(
        [
            weights.assign(
                user=level, value=weights["weight"] + shift * weights["with_user_ratings"]
            )
            for level, shift in levels.items()
        ]
    )
    chart = (
        alt.Chart(long, width="container", height=36 * max(len(weights), 1))
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title="weight"),
            y=alt.Y("model:N", sort=weights["model"].tolist(), title=None),
            yOffset=alt.YOffset("user:N", sort=list(levels)),
            color=alt.Color(
                "user:N",
                scale=alt.Scale(domain=list(levels), range=[COLORS[7], COLORS[0], COLORS[6]]),
            ),
            tooltip=[
                "model:N",
                "user:N",
                alt.Tooltip("value:Q", format="+.3f", title="weight"),
                alt.Tooltip("out_of_fold_rmse:Q", format=".4f", title="RMSE out of fold"),
            ],
        )
    )
    told = "Of users whose number of ratings is usual, or one standard deviation to each side."
    return themed(chart, f"Weights of the members of {label}", told, data.title)
