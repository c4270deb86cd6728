"""How good the lists of several models are."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.top_n import rank_rated, top_n
from fivestar.errors import InputError
from fivestar.metrics.ranking import measures, shares_of_users
from fivestar.models import Model
from fivestar.pipelines.choice import require_same_data
from fivestar.pipelines.recommendation.nodes import count_ratings
from fivestar.pipelines.recommendation.settings import RankingSettings, RecommendationSettings
from fivestar.ratings import Positions, Scale, Vocabulary, csr_matrix, merge, observed

logger = logging.getLogger(__name__)

ALL_UNSEEN, ONLY_RATED = "all_unseen_items", "only_rated_items"
MEASURES = ["precision", "recall", "ndcg", "map", "coverage", "novelty"]
COLUMNS = ["model", "part", "protocol", "n", "n_users", *MEASURES]


@dataclass(frozen=True)
class Part:
    """Ratings to measure lists by.

    Attributes
    ----------
    name : validation or test
    models : that have not seen this part
    users : (n_users,) positions of those measured, each with a relevant item
    seen, held_out : (n_users, n_items) what models were trained on, and the part itself
    relevant : the part's entries with enough stars
    popularity : (n_items,) share of all users who rated an item in what models were trained on
    """

    name: str
    models: Mapping[str, Model]
    users: Positions
    seen: sparse.csr_array
    held_out: sparse.csr_array
    relevant: sparse.csr_array
    popularity: NDArray[np.float64]


def measure_ranking(
    chosen_name: str,
    trained_models: Mapping[str, Model],
    fitted_models: Mapping[str, Model],
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    test: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    settings: RecommendationSettings,
    scale: Scale,
) -> pd.DataFrame:
    """Precision, recall, nDCG, MAP, coverage and novelty of lists of N items, by two protocols.

    - ``all_unseen_items``: a list is drawn from all items that the user has not rated in the
      part that the model was trained on. Relevant are those that the user rated well in the
      part that is measured; unrated ones count as not relevant, which many of them are not.
      The closest to what a recommender does, but it rewards models that know which items get
      rated at all: those that predict ratings best are known to do poorly here (Cremonesi,
      Koren, Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks",
      2010).
    - ``only_rated_items``: a list is drawn from the user's items in the part that is measured.
      Whether the better-liked come first, of what was rated anyway.

    Validation is measured with the models fitted on train, test with the final ones.

    Returns
    -------
    ``model``, ``part`` (validation, or test where its ratings are known), ``protocol``, ``n``,
    ``n_users`` and the measures; the chosen model first.
    """
    ids, ranking = Vocabulary.from_dict(vocabulary), settings.ranking
    least = ranking.liked_share * scale.highest
    parts = [_part("validation", fitted_models, [train_matrix], validation_matrix, least, ranking)]
    known = test[test["rating"].notna()].drop_duplicates(["user", "item"])
    if len(known):
        seen = [train_matrix, validation_matrix]
        parts.append(_part("test", trained_models, seen, ids.matrix(known), least, ranking))
    for part in parts:
        if not len(part.users):
            logger.warning(
                "%-24s %s: no rating of %g stars or more, nothing is relevant. Set a lower "
                "`recommendation.ranking.liked_share`",
                *("ranking", part.name, least),
            )
    rows = [
        row
        for name in _names(chosen_name, trained_models, ranking)
        for part in parts
        if len(part.users)
        for row in _measure(name, part, settings.n, vocabulary, needed=name == chosen_name)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _part(
    name: str,
    models: Mapping[str, Model],
    seen: list[sparse.csr_array],
    held_out: sparse.csr_array,
    least: float,
    settings: RankingSettings,
) -> Part:
    users, items, stars = observed(held_out)
    # Half a float32 rounding: 0.7 of 5 is 3.5 stars.
    liked = stars >= least - 1e-6 * max(abs(least), 1)
    relevant = csr_matrix(users[liked], items[liked], stars[liked], held_out.shape)
    chosen = np.flatnonzero(np.diff(relevant.indptr))
    if len(chosen) > settings.at_most_users:
        random = np.random.default_rng(settings.seed)
        chosen = np.sort(random.choice(chosen, settings.at_most_users, replace=False))
    n_seen = sum(np.diff(part.indptr) for part in seen)
    return Part(
        name,
        models,
        chosen,
        functools.reduce(merge, (part[chosen] for part in seen)),
        held_out[chosen],
        relevant[chosen],
        shares_of_users(count_ratings(*seen), int(np.count_nonzero(n_seen))),
    )


def _names(
    chosen: str, trained_models: Mapping[str, Model], settings: RankingSettings
) -> list[str]:
    """Of the models to measure, the chosen one first."""
    beside = list(trained_models) if settings.beside == "all" else settings.beside
    absent = [name for name in beside if name not in trained_models]
    if absent:
        logger.info("%-24s not trained, left out: %s", "ranking", ", ".join(absent))
    return list(dict.fromkeys([chosen, *(name for name in beside if name in trained_models)]))


def _measure(
    name: str, part: Part, n: int, vocabulary: dict[str, list[str]], *, needed: bool
) -> Iterator[dict[str, object]]:
    """A row for each protocol; none of a model that cannot be read or knows other data."""
    try:
        if name not in part.models:
            raise InputError(f"data/06_models/{name}: not there for {part.name}")
        model = part.models[name]
        require_same_data(model, name, vocabulary)
    except InputError as error:
        if needed:
            raise
        logger.warning("%-24s %s left out: %s", "ranking", name, error)
        return
    n_items, label = part.seen.shape[1], f"ranking, {name}"
    lists = {
        ALL_UNSEEN: top_n(model, part.users, part.seen, np.arange(n_items), n, label=label),
        ONLY_RATED: rank_rated(model, part.users, part.held_out, n),
    }
    for protocol, ranked in lists.items():
        measured = measures(ranked, part.relevant, part.popularity)
        logger.info(
            "%-24s %s, %s, %s: nDCG@%d %.4f, precision %.4f, recall %.4f",
            *("ranking", name, part.name, protocol.replace("_", " "), n),
            *(measured["ndcg"], measured["precision"], measured["recall"]),
        )
        about = {"model": name, "part": part.name, "protocol": protocol, "n": n}
        yield about | {"n_users": len(part.users)} | measured
