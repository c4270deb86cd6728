"""Tables of what a model holds: norms, a map, biases, factors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain, islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.analysis.labels import Labels, described, labels_of
from fivestar.analysis.maps import pca, trustworthiness, tsne
from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import label_jaccard
from fivestar.models import Model
from fivestar.pipelines.inspection.choosing import Inspected, with_factors
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

MAX_MODELS = 6
"""Models side by side."""
MAX_LABELS = 9
"""Colours of the map, beside that of all others."""
MAX_COMPARED = 5000
"""Items, the most rated, whose neighbours are compared by their labels."""
MIN_CORRELATION = 0.1
"""Of a label with a factor's scores, to be named."""

MODELS = ["model", "dimensions", "norm_and_popularity", "labels", "jaccard", "jaccard_any"]
BIASES = [
    *("end", "rank", "item", "title", "bias", "unit", "mean_rating", "mean_rank", "n_ratings"),
]
FACTORS = [
    *("factor", "share", "end", "rank", "item", "title", "score", "n_ratings", "labels"),
]


def compare_norms(
    inspected: Inspected,
    trained_models: Mapping[str, Model],
    data: TrainingData,
    items: pd.DataFrame,
    settings: InspectionSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lengths of the items' vectors in the model and in others beside it.

    Returns
    -------
    norms
        ``item``, ``shown``, ``n_ratings`` of the rated items, and a column for each model.
    models
        ``model``, ``dimensions``, ``norm_and_popularity`` (rank correlation), and the Jaccard
        index of ``labels``: of each item and its nearest neighbours, and of any two items.
    """
    rated = (items["n_ratings"] > 0).to_numpy()
    compared = _most_rated(items, settings.min_ratings, MAX_COMPARED)
    labels = labels_of(items.iloc[compared]) if len(compared) > 1 else None
    norms = items.loc[rated, ["item", "shown", "n_ratings"]].reset_index(drop=True)
    others = with_factors(inspected.others, trained_models, data)
    rows = []
    for model, factors in islice(chain([(inspected.name, inspected.factors)], others), MAX_MODELS):
        norms[model] = np.linalg.norm(factors.items[rated], axis=1).astype("float64")
        correlation = norms[model].corr(norms["n_ratings"], method="spearman")
        row = {"model": model, "dimensions": factors.items.shape[1]}
        row["norm_and_popularity"] = correlation
        if labels is not None:
            matrix, _ = labels.matrix()
            near, any_two = label_jaccard(factors.items[compared], matrix, settings.n_neighbours)
            row |= {"labels": labels.kind, "jaccard": near, "jaccard_any": any_two}
        rows.append(row)
    return norms, pd.DataFrame(rows).reindex(columns=MODELS).round(4)


def place_items(
    inspected: Inspected, items: pd.DataFrame, settings: InspectionSettings
) -> pd.DataFrame:
    """The most rated items on a plane.

    Returns
    -------
    ``item``, ``shown``, ``about``, ``n_ratings``, ``label`` (the main one, empty where the data
    set has none), ``x``, ``y``; and the same in every row: ``method``, ``kind`` of the labels,
    ``trustworthiness``, and of ``pca`` the axes' shares of the variance, ``x_share`` and
    ``y_share``.
    """
    chosen = _most_rated(items, settings.min_ratings, settings.map_items)
    vectors = inspected.factors.items[chosen]
    labels = labels_of(items.iloc[chosen])
    shares: NDArray[np.floating] = np.full(2, np.nan)
    if len(chosen) < 2:
        places: NDArray[np.floating] = np.zeros((len(chosen), 2))
    elif settings.map == "tsne":
        places = tsne(vectors, settings.perplexity, settings.seed)
    else:
        places, shares = pca(vectors)
    trust = trustworthiness(vectors, places)
    logger.info(
        "map: %s items by %s, trustworthiness %s",
        *(f"{len(chosen):,}", settings.map, "unknown" if trust is None else f"{trust:.3f}"),
    )
    x, y = places.T.astype("float64").round(4)
    table = items.assign(about=described(items)).iloc[chosen]
    return table[["item", "shown", "about", "n_ratings"]].assign(
        label="" if labels is None else labels.main(MAX_LABELS),
        x=x,
        y=y,
        method=settings.map,
        kind="" if labels is None else labels.kind,
        trustworthiness=np.nan if trust is None else round(trust, 4),
        x_share=round(float(shares[0]), 4),
        y_share=round(float(shares[1]), 4),
    )


def list_biases(
    inspected: Inspected, items: pd.DataFrame, settings: InspectionSettings
) -> pd.DataFrame:
    """Items with the highest and the lowest bias, beside their mean rating.

    Of a model without biases, the bias is what the item's vector adds for the average user.

    Returns
    -------
    ``end`` (highest or lowest), ``rank``, ``item``, ``title``, ``bias``, ``mean_rating``,
    ``mean_rank`` (place by mean rating, 1 the highest, among as many as are ranked),
    ``unit`` of the bias (rating, or latent: before a sigmoid or cutpoints), ``n_ratings``; no
    rows where a model has neither.
    """
    factors = inspected.factors
    biases = factors.item_bias
    if biases is None and factors.users is not None:
        biases = factors.items @ factors.users.mean(axis=0)
        biases = biases - biases.mean()
        logger.info(
            "%s: has no item biases; shown is what the average user is told", inspected.name
        )
    if biases is None:
        return pd.DataFrame(columns=BIASES)
    ranked = items.assign(bias=biases.astype("float64").round(4), title=items["shown"])
    ranked["unit"] = "rating" if factors.in_ratings else "latent"
    ranked = ranked[ranked["n_ratings"] >= settings.min_ratings].round({"mean_rating": 3})
    ranked["mean_rank"] = ranked["mean_rating"].rank(ascending=False, method="min").astype("int64")
    ranked = ranked.sort_values("bias", ascending=False, kind="stable")
    n = min(settings.n_extremes, len(ranked) // 2)
    ends = [
        rows.assign(end=end, rank=range(1, n + 1))
        for end, rows in (("highest", ranked.head(n)), ("lowest", ranked.tail(n)[::-1]))
    ]
    return pd.concat(ends, ignore_index=True)[BIASES]


def describe_factors(
    inspected: Inspected, items: pd.DataFrame, settings: InspectionSettings
) -> pd.DataFrame:
    """The items at both ends of the strongest factors; see ``principal_factors``.

    Returns
    -------
    ``factor`` from 1, its ``share`` of the variance, ``end`` (top or bottom), ``rank``,
    ``item``, ``title``, ``score``, ``n_ratings``, and the ``labels`` that go with this end.
    """
    chosen = np.flatnonzero(items["n_ratings"] >= settings.min_ratings)
    tables: list[pd.DataFrame] = []
    if len(chosen) > 1:
        factors = inspected.factors
        found = principal_factors(factors.items[chosen], factors.users, settings.n_factors)
        known = items.iloc[chosen].assign(title=lambda table: table["shown"])
        labels = labels_of(known)
        n = min(settings.n_extremes, len(chosen) // 2)
        for factor, (scores, share) in enumerate(zip(found.scores.T, found.shares, strict=True), 1):
            order = np.argsort(-scores, kind="stable")
            tables += [
                known.iloc[ends].assign(
                    factor=factor,
                    share=round(float(share), 4),
                    end=end,
                    rank=range(1, n + 1),
                    score=scores[ends].round(4),
                    labels=_going_with(sign * scores, labels),
                )
                for end, ends, sign in (("top", order[:n], 1), ("bottom", order[::-1][:n], -1))
            ]
    return pd.concat(tables or [pd.DataFrame(columns=FACTORS)], ignore_index=True)[FACTORS]


def _going_with(scores: NDArray[np.floating], labels: Labels | None) -> str:
    """Up to three genres whose items score highest, by correlation."""
    if labels is None or labels.kind != "genre":
        return ""
    matrix, names = labels.matrix()
    has = pd.DataFrame(matrix.toarray(), columns=names)
    correlations = has.corrwith(pd.Series(scores)).fillna(0).sort_values(ascending=False)
    return ", ".join(correlations[correlations > MIN_CORRELATION].index[:3])


def _most_rated(items: pd.DataFrame, min_ratings: int, n: int) -> NDArray[np.intp]:
    """Indices of at most n items that have enough ratings, the most rated first."""
    counts = items["n_ratings"].to_numpy()
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] >= min_ratings][:n]
