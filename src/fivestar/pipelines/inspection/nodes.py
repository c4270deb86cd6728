"""Tables of what a model holds: norms, a map, biases, factors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain, islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.analysis.embeddings import Embeddings
from fivestar.analysis.labels import Labels, labels_of
from fivestar.analysis.maps import pca, trustworthiness, tsne
from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import likeness
from fivestar.models import Model
from fivestar.pipelines.inspection.choosing import in_order, with_embeddings
from fivestar.pipelines.inspection.settings import InspectionSettings

logger = logging.getLogger(__name__)

MOST_MODELS = 6
"""Models side by side."""
MOST_LABELS = 9
"""Colours of the map, beside that of all others."""
MOST_COMPARED = 5000
"""Items, the most rated, whose neighbours are compared by their labels."""
LEAST_CORRELATION = 0.1
"""Of a label with a factor's scores, to be named."""

MODELS = ["model", "dimensions", "norm_and_popularity", "labels", "likeness", "chance"]
BIASES = [
    *("end", "rank", "item", "title", "bias", "unit", "mean_rating", "mean_rank", "n_ratings"),
]
FACTORS = [
    *("factor", "share", "end", "rank", "item", "title", "score", "n_ratings", "labels"),
]


def compare_norms(
    name: str,
    embeddings: Embeddings,
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    items: pd.DataFrame,
    about: pd.DataFrame,
    settings: InspectionSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lengths of the items' vectors in the model and in others beside it.

    Returns
    -------
    norms
        ``item``, ``shown``, ``n_ratings`` of the rated items, and a column for each model.
    models
        ``model``, ``dimensions``, ``norm_and_popularity`` (rank correlation), and ``likeness``
        of each item's nearest neighbours in ``labels`` beside that of ``chance``.
    """
    rated = about["n_ratings"] > 0
    compared = _most_rated(about, settings.min_ratings, MOST_COMPARED)
    labels = labels_of(items, pd.Index(about["item"].iloc[compared]))
    norms = about.loc[rated, ["item", "shown", "n_ratings"]].reset_index(drop=True)
    rest = [other for other in in_order(trained_models, leaderboard) if other != name]
    models = chain([(name, embeddings)], with_embeddings(rest, trained_models, vocabulary))
    rows = []
    for model, own in islice(models, MOST_MODELS):
        norms[model] = np.linalg.norm(own.items[rated.to_numpy()], axis=1).astype("float64")
        row = {"model": model, "dimensions": own.items.shape[1]}
        row["norm_and_popularity"] = _rank_correlation(norms[model], norms["n_ratings"])
        if labels is not None and len(compared) > 1:
            near, any_two = likeness(own.items[compared], labels.matrix(), settings.n_neighbours)
            row |= {"labels": labels.kind, "likeness": near, "chance": any_two}
        rows.append(row)
    return norms, pd.DataFrame(rows).reindex(columns=MODELS).round(4)


def place_items(
    embeddings: Embeddings, items: pd.DataFrame, about: pd.DataFrame, settings: InspectionSettings
) -> pd.DataFrame:
    """The most rated items on a plane.

    Returns
    -------
    ``item``, ``shown``, ``about``, ``n_ratings``, ``label`` (the main one, empty where the data
    set has none), ``x``, ``y``; and the same in every row: ``method``, ``kind`` of the labels,
    ``trustworthiness``, and of ``pca`` the axes' shares of the variance, ``x_share`` and
    ``y_share``.
    """
    chosen = _most_rated(about, settings.min_ratings, settings.map_items)
    table = about.iloc[chosen][["item", "shown", "about", "n_ratings"]].reset_index(drop=True)
    vectors = embeddings.items[chosen]
    labels = labels_of(items, pd.Index(table["item"]))
    shares: NDArray[np.floating] = np.full(2, np.nan)
    if len(chosen) < 2:
        places: NDArray[np.floating] = np.zeros((len(chosen), 2))
    elif settings.map == "tsne":
        places = tsne(vectors, settings.perplexity, settings.seed)
    else:
        places, shares = pca(vectors)
    trust = trustworthiness(vectors, places) if len(chosen) > 2 else None
    logger.info(
        "%-24s %s items by %s, trustworthiness %s",
        *("map", f"{len(chosen):,}", settings.map, "unknown" if trust is None else f"{trust:.3f}"),
    )
    return table.assign(
        label="" if labels is None else labels.main(MOST_LABELS),
        x=places[:, 0].astype("float64").round(4),
        y=places[:, 1].astype("float64").round(4),
        method=settings.map,
        kind="" if labels is None else labels.kind,
        trustworthiness=np.nan if trust is None else round(trust, 4),
        x_share=round(float(shares[0]), 4),
        y_share=round(float(shares[1]), 4),
    )


def list_biases(
    name: str, embeddings: Embeddings, about: pd.DataFrame, settings: InspectionSettings
) -> pd.DataFrame:
    """Items with the highest and the lowest bias, beside their mean rating.

    Of a model without biases, the bias is what the item's vector says to the average user.

    Returns
    -------
    ``end`` (highest or lowest), ``rank``, ``item``, ``title``, ``bias``, ``mean_rating``,
    ``mean_rank`` (place by mean rating, 1 the highest, among as many as are ranked),
    ``unit`` of the bias (stars, or latent: before a sigmoid or cutpoints), ``n_ratings``; no
    rows where a model has neither.
    """
    biases = embeddings.item_bias
    if biases is None and embeddings.users is not None:
        biases = embeddings.items @ embeddings.users.mean(axis=0)
        biases = biases - biases.mean()
        logger.info("%-24s has no item biases; shown is what the average user is told", name)
    if biases is None:
        return pd.DataFrame(columns=BIASES)
    ranked = about.assign(bias=biases.astype("float64").round(4), title=about["shown"])
    ranked["unit"] = "stars" if embeddings.in_stars else "latent"
    ranked = ranked[ranked["n_ratings"] >= settings.min_ratings].round({"mean_rating": 3})
    ranked["mean_rank"] = ranked["mean_rating"].rank(ascending=False, method="min").astype("int64")
    ranked = ranked.sort_values("bias", ascending=False, kind="stable")
    n = min(settings.n_extremes, len(ranked) // 2)
    ends = [
        part.assign(end=end, rank=range(1, n + 1))
        for end, part in (("highest", ranked.head(n)), ("lowest", ranked.tail(n)[::-1]))
    ]
    return pd.concat(ends, ignore_index=True)[BIASES]


def describe_factors(
    embeddings: Embeddings,
    items: pd.DataFrame,
    about: pd.DataFrame,
    settings: InspectionSettings,
) -> pd.DataFrame:
    """The items at both ends of the strongest factors; see ``principal_factors``.

    Returns
    -------
    ``factor`` from 1, its ``share`` of the variance, ``end`` (top or bottom), ``rank``,
    ``item``, ``title``, ``score``, ``n_ratings``, and the ``labels`` that go with this end.
    """
    chosen = np.flatnonzero(about["n_ratings"] >= settings.min_ratings)
    users = embeddings.users
    factors = (
        principal_factors(embeddings.items[chosen], users, settings.n_factors)
        if len(chosen) > 1
        else None
    )
    if factors is None or not len(factors.shares):
        return pd.DataFrame(columns=FACTORS)
    known = about.iloc[chosen].assign(title=lambda table: table["shown"])
    labels = labels_of(items, pd.Index(known["item"]))
    n = min(settings.n_extremes, len(chosen) // 2)
    tables = []
    for factor, share in enumerate(factors.shares):
        scores = factors.scores[:, factor]
        order = np.argsort(-scores, kind="stable")
        for end, places, sign in (("top", order[:n], 1), ("bottom", order[::-1][:n], -1)):
            tables.append(
                known.iloc[places].assign(
                    factor=factor + 1,
                    share=round(float(share), 4),
                    end=end,
                    rank=range(1, n + 1),
                    score=scores[places].round(4),
                    labels=_going_with(sign * scores, labels),
                )
            )
    return pd.concat(tables, ignore_index=True)[FACTORS]


def _going_with(scores: NDArray[np.floating], labels: Labels | None) -> str:
    """Up to three labels whose items score highest, by correlation."""
    if labels is None or labels.kind != "genre":
        return ""
    has = labels.matrix().astype(np.float64)
    centred = scores - scores.mean()
    share = np.asarray(has.mean(axis=0)).ravel()
    spreads = np.sqrt(share * (1 - share)) * np.sqrt(len(scores)) * np.linalg.norm(centred)
    products = has.T @ centred
    correlations = np.divide(products, spreads, out=np.zeros_like(products), where=spreads > 0)
    best = np.argsort(-correlations, kind="stable")[:3]
    return ", ".join(labels.names[n] for n in best if correlations[n] > LEAST_CORRELATION)


def _most_rated(about: pd.DataFrame, least: int, n: int) -> NDArray[np.intp]:
    """Positions of at most n items that have enough ratings, the most rated first."""
    counts = about["n_ratings"].to_numpy()
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] >= least][:n]


def _rank_correlation(first: pd.Series, second: pd.Series) -> float:
    if first.nunique() < 2 or second.nunique() < 2:
        return float("nan")
    return float(first.rank().corr(second.rank()))
