"""The page of one model."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.reporting.charts import Chart
from fivestar.reporting.page import Picture, Section, Table, Text, render

PICTURES = [
    *("map", "norms", "factors", "calibration", "residuals"),
    *("errors_by_item", "errors_by_user", "coverage"),
]
"""Charts of the page, in the order of ``write_page``'s arguments."""
TWO = "{:.2f}".format
PERCENT = "{:.1%}".format
IN_WORDS = 4
"""Items of each end of a factor in the table, the others are in the picture."""

NEAR = (
    "Cosine looks at the directions of the vectors alone. The dot product grows with their "
    "lengths too, and so favours items of which the model makes most. Left out are items with "
    "fewer than {least} ratings (inspection.min_ratings), whose directions are half chance."
)
MAP = (
    "What lies close is close by cosine; axes and wide distances mean nothing. Trustworthiness: "
    "how far neighbours on the map are neighbours by cosine, 1 is all."
)
MAP_PCA = (
    "The two directions in which the vectors differ most. Trustworthiness: how far neighbours on "
    "the map are neighbours by cosine, 1 is all."
)
CLICK = " Click a {kind} in the legend to see it alone, with shift another one."
NORMS = (
    "Point at an item to find it in every model. A short vector says little: where ratings are "
    "few, regularisation holds it back. Each model has units of its own. Of a Bayesian model it "
    "is the norm of the samples, doubt included."
)
BIASES = (
    "The bias is what the model gives an item whoever rates it. It differs from the mean rating "
    "where the raters are strict or kind, and is held back where they are few. Place by mean: "
    "among the items with {least} ratings or more."
)
FACTORS = (
    "Coordinates of vectors mean nothing by themselves: they can be turned without any change "
    "of a prediction. These factors are the principal ones of all products of users and items, "
    "less the averages: the first explains most, and none says what another says."
)
SCORES = (
    "Score: what the factor adds to the prediction of the item for someone one standard "
    "deviation above the average."
)
CAPTIONS = {
    "calibration": "Validation ratings, by the model fitted on train alone. Bars are 95 % "
    "intervals of the mean; larger points hold more ratings.",
    "residuals": "The line is the normal distribution of this mean and spread.",
    "errors_by_item": "Groups of about equally many validation ratings.",
    "errors_by_user": "Groups of about equally many validation ratings.",
    "coverage": "By the randomised probability integral transform, which suits whole stars.",
}


def write_page(
    name: str,
    leaderboard: pd.DataFrame,
    asked: list[dict[str, Any]],
    neighbours: pd.DataFrame,
    places: pd.DataFrame,
    models: pd.DataFrame,
    biases: pd.DataFrame,
    factors: pd.DataFrame,
    coverages: pd.DataFrame,
    settings: InspectionSettings,
    *charts: Chart,
) -> str:
    """All of it in one HTML; the charts in the order of ``PICTURES``."""
    drawn = dict(zip(PICTURES, charts, strict=True))
    errors = [each for each in CAPTIONS if each != "coverage" or len(coverages)]
    sections = [
        Section("Neighbours", _neighbours(asked, neighbours, settings)),
        Section("Map", [Picture(drawn["map"], _about_map(places), "map", wide=True)]),
        Section("Norms", [Picture(drawn["norms"], NORMS, "norms", wide=True), _models(models)]),
        Section("Biases", _biases(biases, settings)),
        Section(
            "Factors", [*_factors(factors), Picture(drawn["factors"], SCORES, "factors", True)]
        ),
        Section("Errors", [Picture(drawn[each], CAPTIONS[each], each) for each in errors]),
    ]
    return render(f"Inside {name}", _lead(name, leaderboard, models), sections)


def _lead(name: str, leaderboard: pd.DataFrame, models: pd.DataFrame) -> str:
    own = leaderboard[leaderboard["model"] == name]
    dimensions = models.loc[models["model"] == name, "dimensions"]
    told = "What the model has learnt, and where it errs."
    if len(dimensions):
        told += f" An item is a vector of {dimensions.iloc[0]:,} numbers."
    if len(own):
        told += (
            f" Validation RMSE {own['validation_rmse'].iloc[0]:.4f}, place {own.index[0] + 1} of "
            f"{len(leaderboard)} on the leaderboard."
        )
    return told


def _neighbours(
    asked: list[dict[str, Any]], neighbours: pd.DataFrame, settings: InspectionSettings
) -> list[Text | Table]:
    parts: list[Text | Table] = [Text([NEAR.format(least=settings.min_ratings)])]
    if neighbours["genres"].isna().all():  # of books the author, where that is known
        told = neighbours["title"] + (", " + neighbours["about"]).fillna("")
        neighbours = neighbours.assign(title=told)
    for entry in asked:
        meant = "" if entry["asked"] == entry["found"] else f"Asked for: {entry['asked']}."
        if entry["others"]:
            meant += f" It may have meant {'; '.join(entry['others'])}."
        chosen = (neighbours["asked"] == entry["asked"]) & (neighbours["found"] == entry["found"])
        for measure, called in (("cosine", "cosine"), ("dot", "dot product")):
            own = neighbours[chosen & (neighbours["measure"] == measure)]
            parts.append(
                Table(
                    own[["rank", "title", "similarity", "n_ratings"]],
                    meant.strip() if measure == "cosine" else "",
                    {"similarity": TWO},
                    {
                        "rank": "",
                        "title": f"near {entry['found']} by {called}",
                        "similarity": measure,
                        "n_ratings": "ratings",
                    },
                    wide=False,
                )
            )
    return parts


def _about_map(places: pd.DataFrame) -> str:
    kinds = places["kind"].dropna().unique()
    told = MAP if places["method"].eq("tsne").any() else MAP_PCA
    return told + (CLICK.format(kind=kinds[0]) if len(kinds) else "")


def _models(models: pd.DataFrame) -> Table:
    kind = models["labels"].dropna()
    columns = ["model", "dimensions", "norm_and_popularity", "likeness", "chance"]
    what = f"{kind.iloc[0]}s in common" if len(kind) else ""
    told = (
        f" {what.capitalize()}: of an item and one of its nearest by cosine, the share of the "
        f"{kind.iloc[0]}s of either that both have."
        if len(kind)
        else ""
    )
    return Table(
        models[columns if len(kind) else columns[:3]],
        f"Norm and ratings: rank correlation.{told}",
        {"norm_and_popularity": TWO, "likeness": PERCENT, "chance": PERCENT},
        {
            "norm_and_popularity": "norm and ratings",
            "likeness": what,
            "chance": "of any two items",
        },
    )


def _biases(biases: pd.DataFrame, settings: InspectionSettings) -> list[Text | Table]:
    if biases.empty:
        return [Text(["The model has no biases, or too few items have enough ratings."])]
    unit = biases["unit"].iloc[0]
    return [
        Text([BIASES.format(least=settings.min_ratings)]),
        *(
            Table(
                own[["title", "bias", "mean_rating", "mean_rank", "n_ratings"]],
                "",
                {"bias": "{:+.3f}".format, "mean_rating": TWO},
                {
                    "title": f"{end} bias",
                    "bias": f"bias ({unit})",
                    "mean_rating": "mean rating",
                    "mean_rank": "place by mean",
                    "n_ratings": "ratings",
                },
                wide=False,
            )
            for end, own in biases.groupby("end", sort=False)
        ),
    ]


def _factors(factors: pd.DataFrame) -> list[Text | Table]:
    if factors.empty:
        return [Text(["Too few items have enough ratings."])]
    rows = []
    for _, own in factors.fillna({"labels": ""}).groupby(["factor", "end"], sort=False):
        first = own.iloc[0]
        rows.append(
            {
                "factor": f"{first['factor']}\u00a0{first['end']}",
                "share": first["share"],
                "items": "; ".join(own["title"].head(IN_WORDS)),
                "genres": first["labels"],
            }
        )
    table = pd.DataFrame(rows)
    if not table["genres"].any():
        table = table.drop(columns="genres")
    told = " Genres: those that go with this end, by correlation." if "genres" in table else ""
    caption = f"Share: of the variance of all products.{told}"
    return [Text([FACTORS]), Table(table, caption, {"share": PERCENT})]
