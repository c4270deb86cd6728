"""Recommendations for users and new users, their reasons, all predictions, measures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import pandas as pd
import pyarrow as pa
from scipy import sparse

from fivestar.analysis.explanation import OWN_RATING
from fivestar.analysis.list_quality import HeldOut, measure_lists
from fivestar.analysis.new_user import Given, ItemSearch, read_ratings
from fivestar.analysis.prediction_matrix import PredictionMatrix, megabytes
from fivestar.errors import InputError, did_you_mean
from fivestar.metrics.ranking import MEASURES
from fivestar.models import Model
from fivestar.pipelines.choice import same_data
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.ratings import TrainingData, csr_matrix
from fivestar.recommender import NEW_USER, TYPES, Recommender
from fivestar.reporting.sentences import lines, sentence

logger = logging.getLogger(__name__)

EXPLAINED = ["user", "rank", "item", "title", "year", "prediction"]
"""Columns of a recommendation that stand beside each of its reasons, too."""
COLUMNS = {
    **{name: TYPES[name] for name in EXPLAINED},
    **{"lower": "float32", "upper": "float32"},
}
RANKING = ["model", "part", "protocol", "n", "n_users", *MEASURES]
MAX_EXPLAINED = 3
"""Items whose reasons the log tells."""


def make_recommender(
    name: str,
    model: Model,
    data: TrainingData,
    items: pd.DataFrame,
    settings: RecommendationSettings,
) -> Recommender:
    """The chosen model with ids and titles."""
    min_ratings, coverage = settings.min_ratings, settings.coverage
    return Recommender(name, model, data, items, min_ratings=min_ratings, coverage=coverage)


def find_users(data: TrainingData, settings: RecommendationSettings) -> list[str]:
    """Ids of the users who get recommendations; an unknown one is refused."""
    known = data.vocabulary.users
    asked = list(dict.fromkeys(settings.users)) or known.tolist()
    if unknown := pd.Index(asked).difference(known, sort=False).tolist():
        hint = did_you_mean(unknown[0], known, n=3)
        raise InputError(
            f"recommendation.users: no such user: {', '.join(map(repr, unknown))}. {hint} The "
            f"{len(known):,} ids are the column `user` of data/03_primary/{data.place}/"
            "ratings.parquet. For someone new set `recommendation.new_user`."
        )
    return asked


def recommend(
    recommender: Recommender, asked: list[str], settings: RecommendationSettings
) -> pd.DataFrame:
    """The best items of each user that are rated neither in train nor validation.

    ``lower`` and ``upper``, the ends of the interval, are missing of a model without intervals.
    """
    return _lists(recommender, asked, settings, 3 if settings.users else 1)


def explain(
    recommender: Recommender, recommendations: pd.DataFrame, settings: RecommendationSettings
) -> pd.DataFrame:
    """Reasons for the recommendations of the users asked for, or else of the first ones."""
    users = recommendations["user"].unique()
    explained = users if settings.users else users[: settings.explain.users]
    listed = recommendations[recommendations["user"].isin(explained)]
    return _reasons(recommender, listed, settings)


def read_new_users(
    new_users_raw: pd.DataFrame | None,
    data: TrainingData,
    items: pd.DataFrame,
    settings: RecommendationSettings,
) -> pd.DataFrame:
    """The ratings of new users: of ``recommendation.new_user`` and of the file, if any.

    Parameters
    ----------
    new_users_raw
        Columns ``rating`` and ``title`` or ``item`` (an id), optionally ``user``; all text. Rows
        without a rating are left out, so a questionnaire need not be filled in as a whole.

    Returns
    -------
    ``user``, ``item``, ``title``, ``rating``; no rows if nobody is new.

    Raises
    ------
    InputError
        That tells every rating which cannot be used: file, column, row, and how to fix it.
    """
    places = ("recommendation.new_user",) * 2
    given = [Given(NEW_USER, title, rating, places) for title, rating in settings.new_user]
    if new_users_raw is not None:
        given += _of_file(checks.as_text(new_users_raw))
    return read_ratings(given, ItemSearch(items), data.scale)


def _of_file(table: pd.DataFrame) -> list[Given]:
    item = "item" if "item" in table else "title"
    file, first_line = checks.file_of(table), table.attrs.get("first_line")
    if missing := [name for name in (item, "rating") if name not in table]:
        raise InputError(
            f"{file}: no column {' and none '.join(map(repr, missing))}; the file has "
            f"{', '.join(map(repr, table.columns))}. Write columns title (or item, an id), rating "
            "and, of several users, user, with commas between them."
        )
    checks.require_rows(table, "rating")
    users = table["user"].str.strip() if "user" in table else [""] * len(table)
    given = []
    for row, cells in enumerate(zip(users, table[item], table["rating"], strict=True)):
        user, asked, rating = cells
        if rating.strip():
            line = "" if first_line is None else f" (line {row + first_line})"
            at = f"{file}: row {row + 1}{line}, column"
            places = f"{at} {item!r}", f"{at} 'rating'"
            given.append(Given(user or NEW_USER, asked, rating, places, item == "item"))
    if not given:
        raise InputError(f"{file}: no rating in {len(table):,} rows. Fill in one or more.")
    return given


def recommend_to_new_users(
    recommender: Recommender,
    trained_models: Mapping[str, Model],
    ratings: pd.DataFrame,
    settings: RecommendationSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The best items that each new user has not rated, and why; no rows if nobody is new.

    Raises
    ------
    InputError
        If the model cannot take in new users; names those that can.
    """
    if ratings.empty:
        table = pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
        return table, _reasons(recommender, table, settings)
    if not recommender.trained.can_fold_in:
        able = [other for other in trained_models if trained_models[other].can_fold_in]
        raise InputError(
            f"model: {recommender.name} cannot take in new users without training. Set `model` to "
            f"one that can: {', '.join(able) or 'none of those trained'}."
        )
    folded = recommender.with_new_users(ratings)
    table = _lists(folded, folded.users, settings, 5)
    return table, _reasons(folded, table, settings)


def predict_all(recommender: Recommender, settings: RecommendationSettings) -> Iterable[pa.Table]:
    """All predictions, made while they are written; none where the matrix would be too large."""
    vocabulary, largest = recommender.data.vocabulary, settings.prediction_matrix.max_megabytes
    size = megabytes(*vocabulary.shape)
    n_users, n_items = (f"{n:,}" for n in vocabulary.shape)
    about = f"{n_users} users x {n_items} items by {recommender.name}, about {size:,.1f} MB"
    if size > largest:
        logger.warning(
            "prediction matrix: left out: %s. To have it, set "
            "`recommendation.prediction_matrix.max_megabytes` to more than %g",
            *(about, largest),
        )
        return []
    logger.info("prediction matrix: %s", about)
    return PredictionMatrix(recommender.model, vocabulary)


def measure_ranking(
    recommender: Recommender,
    trained_models: Mapping[str, Model],
    fitted_models: Mapping[str, Model],
    test: pd.DataFrame,
    settings: RecommendationSettings,
) -> pd.DataFrame:
    """How good lists are, by two protocols, of the chosen model and of some beside it.

    Validation is measured with the models fitted on train, test with the final ones.

    Returns
    -------
    ``model``, ``part`` (validation, or test where its ratings are known), ``protocol`` (see
    ``measure_lists``), ``n``, ``n_users`` and the measures; the chosen model first.
    """
    data, ranking = recommender.data, settings.ranking
    splits = {"validation": (fitted_models, data.train, data.validation)}
    if test["rating"].notna().any():
        splits["test"] = trained_models, data.ratings, _test_matrix(test, data)
    beside = list(trained_models) if ranking.beside == "all" else ranking.beside
    min_rating = ranking.liked_share * data.scale.highest
    rows = []
    for part, (models, seen, held_out) in splits.items():
        held = HeldOut.of(seen, held_out, min_rating, ranking.at_most_users, ranking.seed)
        if not len(held.users):
            logger.warning(
                "ranking: %s: no rating of %g or more, nothing is relevant. Set a lower "
                "`recommendation.ranking.liked_share`",
                *(part, min_rating),
            )
            continue
        for name in dict.fromkeys([recommender.name, *beside]):
            model = models.get(name)
            if model is None or not same_data({name: model}, data):
                logger.info("ranking: %s: no model of this split, left out of %s", name, part)
                continue
            about = {"model": name, "part": part, "n": settings.n, "n_users": len(held.users)}
            for protocol, figures in measure_lists(model, held, settings.n, name).items():
                rows.append(about | {"protocol": protocol} | figures)
                logger.info(
                    "ranking: %s, %s, %s: nDCG@%d %.4f, precision %.4f, recall %.4f",
                    *(name, part, protocol.replace("_", " "), settings.n),
                    *(figures[measure] for measure in ("ndcg", "precision", "recall")),
                )
    return pd.DataFrame(rows, columns=RANKING)


def _test_matrix(test: pd.DataFrame, data: TrainingData) -> sparse.csr_array:
    """The test ratings of ids that models know."""
    known = test[test["rating"].notna()].drop_duplicates(["user", "item"])
    users, items = data.vocabulary.indices(known)
    inside = (users >= 0) & (items >= 0)
    if not inside.all():
        logger.info("ranking: left out %s test ratings of unknown ids", f"{(~inside).sum():,}")
    ratings = known["rating"].to_numpy()[inside]
    return csr_matrix(users[inside], items[inside], ratings, data.vocabulary.shape)


def _lists(
    recommender: Recommender, users: Iterable[str], settings: RecommendationSettings, n_told: int
) -> pd.DataFrame:
    """Recommendations; those of the first users are told in the log."""
    table = recommender.recommend(list(users), settings.n)
    table = table.rename(columns={"low": "lower", "high": "upper"})[list(COLUMNS)]
    for user in table["user"].unique()[:n_told]:
        own = lines(table[table["user"] == user])
        logger.info("recommendation: user %s, by %s\n%s", user, recommender.name, own)
    return table


def _reasons(
    recommender: Recommender, listed: pd.DataFrame, settings: RecommendationSettings
) -> pd.DataFrame:
    """Reasons; those of the first user's first items are told in the log."""
    n = {"n_reasons": settings.explain.reasons, "n_factors": settings.explain.factors}
    table = recommender.explain(listed[EXPLAINED], **n)
    by_pair = table.groupby(["user", "item"], sort=False)
    for _, reasons in list(by_pair)[:MAX_EXPLAINED]:
        logger.info("explanation: %s", sentence(reasons))
    if (table["kind"] == OWN_RATING).any():
        each = by_pair.head(1)
        off = (each["explained"].clip(*recommender.trained.ends) - each["prediction"]).abs()
        logger.info(
            "explanation: contributions sum to the prediction up to %.3f (median), %.3f (maximum)",
            *(off.median(), off.max()),
        )
    return table
