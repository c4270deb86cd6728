"""How good the lists of several models are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.top_n import rank_rated, top_n
from fivestar.errors import InputError
from fivestar.metrics.ranking import item_popularity, measures
from fivestar.models import Model
from fivestar.pipelines.choice import require_same_data
from fivestar.pipelines.recommendation.settings import RankingSettings, RecommendationSettings
from fivestar.ratings import Positions, TrainingData, csr_matrix, observed
from fivestar.recommender import Recommender

logger = logging.getLogger(__name__)

ALL_UNSEEN, ONLY_RATED = "all_unseen_items", "only_rated_items"
MEASURES = ["precision", "recall", "ndcg", "map", "coverage", "novelty"]
COLUMNS = ["model", "part", "protocol", "n", "n_users", *MEASURES]


@dataclass(frozen=True)
class Split:
    """Ratings to measure lists by.

    Attributes
    ----------
    name : validation or test
    models : that have not seen this split
    users : (n_users,) indices of those measured, each with a relevant item
    seen, held_out : (n_users, n_items) what models were trained on, and the split itself
    relevant : the split's entries with high enough ratings
    popularity : (n_items,) fraction of all users who rated an item in what models were trained on
    """

    name: str
    models: Mapping[str, Model]
    users: Positions
    seen: sparse.csr_array
    held_out: sparse.csr_array
    relevant: sparse.csr_array
    popularity: NDArray[np.float64]


def measure_ranking(
    recommender: Recommender,
    trained_models: Mapping[str, Model],
    fitted_models: Mapping[str, Model],
    test: pd.DataFrame,
    settings: RecommendationSettings,
) -> pd.DataFrame:
    """Precision, recall, nDCG, MAP, coverage and novelty of lists of N items, by two protocols.

    - ``all_unseen_items``: a list is drawn from all items that the user has not rated in what
      the model was trained on. Relevant are those that the user rated well in the split that
      is measured; unrated ones count as not relevant, which many of them are not. The closest
      to what a recommender does, but it rewards models that know which items get rated at
      all: those that predict ratings best are known to do poorly here (Cremonesi, Koren,
      Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", 2010).
    - ``only_rated_items``: a list is drawn from the user's items in the split that is measured.
      Whether the better-liked come first, of what was rated anyway.

    Validation is measured with the models fitted on train, test with the final ones.

    Returns
    -------
    ``model``, ``part`` (validation, or test where its ratings are known), ``protocol``, ``n``,
    ``n_users`` and the measures; the chosen model first.
    """
    data, ranking = recommender.data, settings.ranking
    lowest = ranking.liked_share * data.scale.highest
    held_out = {"validation": (fitted_models, data.train, data.validation)}
    known = test[test["rating"].notna()].drop_duplicates(["user", "item"])
    if len(known):
        held_out["test"] = trained_models, data.ratings, _test_matrix(known, data)
    splits = [_split(name, *given, lowest, ranking) for name, given in held_out.items()]
    for split in splits:
        if not len(split.users):
            logger.warning(
                "ranking: %s: no rating of %g or more, nothing is relevant. Set a lower "
                "`recommendation.ranking.liked_share`",
                *(split.name, lowest),
            )
    rows = [
        row
        for name in _names(recommender.name, trained_models, ranking)
        for split in splits
        if len(split.users)
        for row in _measure(name, split, settings.n, data, needed=name == recommender.name)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _test_matrix(test: pd.DataFrame, data: TrainingData) -> sparse.csr_array:
    users, items = data.vocabulary.positions(test)
    known = (users >= 0) & (items >= 0)
    if not known.all():
        logger.info("ranking: left out %s test ratings of unknown ids", f"{(~known).sum():,}")
    ratings = test["rating"].to_numpy()[known]
    return csr_matrix(users[known], items[known], ratings, data.vocabulary.shape)


def _split(
    name: str,
    models: Mapping[str, Model],
    seen: sparse.csr_array,
    held_out: sparse.csr_array,
    lowest: float,
    settings: RankingSettings,
) -> Split:
    users, items, ratings = observed(held_out)
    # Half a float32 rounding: 0.7 of 5 is 3.5.
    liked = ratings >= lowest - 1e-6 * max(abs(lowest), 1)
    relevant = csr_matrix(users[liked], items[liked], ratings[liked], held_out.shape)
    chosen = np.flatnonzero(np.diff(relevant.indptr))
    if len(chosen) > settings.at_most_users:
        random = np.random.default_rng(settings.seed)
        chosen = np.sort(random.choice(chosen, settings.at_most_users, replace=False))
    return Split(
        name,
        models,
        chosen,
        seen[chosen],
        held_out[chosen],
        relevant[chosen],
        item_popularity(seen),
    )


def _names(
    chosen: str, trained_models: Mapping[str, Model], settings: RankingSettings
) -> list[str]:
    """Of the models to measure, the chosen one first."""
    beside = list(trained_models) if settings.beside == "all" else settings.beside
    if absent := [name for name in beside if name not in trained_models]:
        logger.info("ranking: not trained, left out: %s", ", ".join(absent))
    return list(dict.fromkeys([chosen, *(name for name in beside if name in trained_models)]))


def _measure(
    name: str, split: Split, n: int, data: TrainingData, *, needed: bool
) -> Iterator[dict[str, object]]:
    """A row for each protocol; none of a model that is not there or was trained on other data."""
    try:
        if name not in split.models:
            raise InputError(f"model {name}: not there for {split.name}")
        model = split.models[name]
        require_same_data(model, name, data)
    except InputError as error:
        if needed:
            raise
        logger.warning("ranking: left out: %s", error)
        return
    n_items, label = split.seen.shape[1], f"ranking, {name}"
    lists = {
        ALL_UNSEEN: top_n(model, split.users, split.seen, np.arange(n_items), n, label=label),
        ONLY_RATED: rank_rated(model, split.users, split.held_out, n),
    }
    for protocol, ranked in lists.items():
        measured = measures(ranked, split.relevant, split.popularity)
        logger.info(
            "ranking: %s, %s, %s: nDCG@%d %.4f, precision %.4f, recall %.4f",
            *(name, split.name, protocol.replace("_", " "), n),
            *(measured["ndcg"], measured["precision"], measured["recall"]),
        )
        about = {"model": name, "part": split.name, "protocol": protocol, "n": n}
        yield about | {"n_users": len(split.users)} | measured
