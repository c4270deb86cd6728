"""The page of one model."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fivestar.pipelines.inspection.choosing import Inspected
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.reporting.charts import Chart
from fivestar.reporting.page import Picture, Section, Table, Text, render

TWO, SIGNED, PERCENT = "{:.2f}".format, "{:+.3f}".format, "{:.1%}".format
N_NAMED = 4
"""Items of each end of a factor in the table, the others are in the chart."""

NEAR = (
    "Cosine looks at the directions of the vectors alone. The dot product grows with their "
    "lengths too, and so favours items of which the model makes most. Left out are items with "
    "fewer than {} ratings (inspection.min_ratings), whose directions are half noise."
)
MAPS = {
    "tsne": "What lies close is close by cosine; axes and wide distances mean nothing.",
    "pca": "The two directions in which the vectors differ most.",
}
TRUST = " Trustworthiness: how far neighbours on the map are neighbours by cosine, 1 is all."
CLICK = " Click a {} in the legend to see it alone, with shift another one."
NORMS = (
    "Point at an item to find it in every model. A short vector says little: where ratings are "
    "few, regularization holds it back. Each model has units of its own. Of a Bayesian model it "
    "is the norm of the samples, doubt included."
)
BIASES = (
    "The bias is what the model gives an item whoever rates it. It differs from the mean rating "
    "where the raters are strict or kind, and is held back where they are few. Place by mean: "
    "among the items with {} ratings or more."
)
NO_BIASES = "The model has no biases, or too few items have enough ratings."
FACTORS = (
    "Coordinates of vectors mean nothing by themselves: they can be turned without any change "
    "of a prediction. These factors are the principal ones of all products of users and items, "
    "less the averages: the first explains most, and none says what another says."
)
SCORES = (
    "Score: what the factor adds to the prediction of the item for a user one standard "
    "deviation above the average."
)
GROUPS = "Groups of about equally many validation ratings."
ERRORS = {
    "calibration": "Validation ratings, by the model fitted on train alone. Bars are 95 % "
    "intervals of the mean; larger points hold more ratings.",
    "residuals": "The line is the normal distribution of this mean and standard deviation.",
    "errors_by_item": GROUPS,
    "errors_by_user": GROUPS,
    "coverage": "By the randomised probability integral transform, which suits discrete ratings.",
}
"""Charts of the errors, and what is written under them."""


def show_neighbours(
    asked: list[dict[str, Any]], neighbours: pd.DataFrame, settings: InspectionSettings
) -> list[Section]:
    """A table for each item that is asked for, by cosine and by dot product."""
    parts: list[Text | Table] = [Text([NEAR.format(settings.min_ratings)])]
    if neighbours["genres"].isna().all():  # of books the author, where that is known
        title = neighbours["title"] + (", " + neighbours["about"]).fillna("")
        neighbours = neighbours.assign(title=title)
    for entry in asked:
        meant = "" if entry["asked"] == entry["found"] else f"Asked for: {entry['asked']}."
        if entry["others"]:
            meant += f" It may have meant {'; '.join(entry['others'])}."
        chosen = neighbours[neighbours["asked"] == entry["asked"]]
        for measure, called in (("cosine", "cosine"), ("dot", "dot product")):
            own = chosen.loc[
                chosen["measure"] == measure, ["rank", "title", "similarity", "n_ratings"]
            ]
            headings = {
                "rank": "",
                "title": f"near {entry['found']} by {called}",
                "similarity": measure,
                "n_ratings": "ratings",
            }
            caption = meant.strip() if measure == "cosine" else ""
            parts.append(Table(own, caption, {"similarity": TWO}, headings, wide=False))
    return [Section("Neighbours", parts)]


def show_vectors(
    places: pd.DataFrame, map_chart: Chart, models: pd.DataFrame, norms_chart: Chart
) -> list[Section]:
    """The map, and the norms of several models."""
    kinds = places["kind"].dropna().tolist()[:1]
    caption = "".join(MAPS[method] for method in places["method"][:1]) + TRUST
    caption += "".join(CLICK.format(kind) for kind in kinds)
    return [
        Section("Map", [Picture(map_chart, caption, "map", wide=True)]),
        Section("Norms", [Picture(norms_chart, NORMS, "norms", wide=True), _models(models)]),
    ]


def _models(models: pd.DataFrame) -> Table:
    columns = ["model", "dimensions", "norm_and_popularity"]
    caption = "Norm and ratings: rank correlation."
    headings = {"norm_and_popularity": "norm and ratings", "jaccard_any": "of any two items"}
    for kind in models["labels"].dropna()[:1]:
        columns += ["jaccard", "jaccard_any"]
        headings["jaccard"] = f"{kind}s in common"
        caption += (
            f" {kind.capitalize()}s in common: of an item and one of its nearest by cosine, the "
            f"share of the {kind}s of either that both have (Jaccard)."
        )
    formats = {"norm_and_popularity": TWO, "jaccard": PERCENT, "jaccard_any": PERCENT}
    return Table(models[columns], caption, formats, headings)


def show_contents(
    biases: pd.DataFrame, factors: pd.DataFrame, factors_chart: Chart, settings: InspectionSettings
) -> list[Section]:
    """The items at the ends of the biases and of the factors."""
    picture = Picture(factors_chart, SCORES, "factors", wide=True)
    return [
        Section("Biases", _biases(biases, settings)),
        Section("Factors", [*_factors(factors), picture]),
    ]


def _biases(biases: pd.DataFrame, settings: InspectionSettings) -> list[Text | Table]:
    parts: list[Text | Table] = [
        Text([NO_BIASES if biases.empty else BIASES.format(settings.min_ratings)])
    ]
    for end, own in biases.groupby("end", sort=False):
        headings = {
            "title": f"{end} bias",
            "bias": f"bias ({own['unit'].iloc[0]})",
            "mean_rating": "mean rating",
            "mean_rank": "place by mean",
            "n_ratings": "ratings",
        }
        formats = {"bias": SIGNED, "mean_rating": TWO}
        columns = ["title", "bias", "mean_rating", "mean_rank", "n_ratings"]
        parts.append(Table(own[columns], "", formats, headings, wide=False))
    return parts


def _factors(factors: pd.DataFrame) -> list[Text | Table]:
    if factors.empty:
        return [Text(["Too few items have enough ratings."])]
    rows = [
        {
            "factor": f"{factor}\u00a0{end}",
            "share": own["share"].iloc[0],
            "items": "; ".join(own["title"].head(N_NAMED)),
            "genres": own["labels"].iloc[0],
        }
        for (factor, end), own in factors.groupby(["factor", "end"], sort=False)
    ]
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    caption = "Share: of the variance of all products."
    if "genres" in table:
        caption += " Genres: those that go with this end, by correlation."
    return [Text([FACTORS]), Table(table, caption, {"share": PERCENT})]


def show_errors(**charts: Chart) -> list[Section]:
    """Where the model errs; intervals only where it has them."""
    pictures = [Picture(charts[name], caption, name) for name, caption in ERRORS.items()]
    return [Section("Errors", [picture for picture in pictures if not picture.empty])]


def write_page(
    inspected: Inspected,
    neighbours: list[Section],
    vectors: list[Section],
    contents: list[Section],
    errors: list[Section],
) -> str:
    """All of it in one HTML."""
    lead = (
        f"What the model has learnt of {inspected.data_title}, and where it errs. An item is a "
        f"vector of {inspected.factors.items.shape[1]:,} numbers. {inspected.standing}"
    )
    sections = [*neighbours, *vectors, *contents, *errors]
    return render(f"Inside {inspected.name}", lead, sections)
