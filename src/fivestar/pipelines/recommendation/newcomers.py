"""People whom the model has never seen, by a few ratings of theirs."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.explanation import Explainer
from fivestar.analysis.new_user import Given, Reader
from fivestar.analysis.top_n import top_n
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.recommendation.explaining import COLUMNS as REASONS
from fivestar.pipelines.recommendation.explaining import explain_people, tell
from fivestar.pipelines.recommendation.nodes import count_ratings, find_candidates
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.pipelines.recommendation.tables import (
    COLUMNS,
    Catalogue,
    empty,
    read_out,
    recommendation_table,
)
from fivestar.ratings import Scale, Vocabulary, csr_matrix

logger = logging.getLogger(__name__)

RATINGS = {"user": "str", "item": "str", "title": "str", "rating": "float64"}
NAME = "newcomer"
"""Of someone who gave none."""
SHOWN = 5
"""Mistakes that a message tells; and people whose recommendations the log shows."""


def read_newcomers(
    newcomers_raw: pd.DataFrame | None,
    items: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    settings: RecommendationSettings,
    scale: Scale,
) -> pd.DataFrame:
    """The ratings of new people: of ``recommendation.newcomer`` and of the file, if any.

    Parameters
    ----------
    newcomers_raw
        Columns ``rating`` and ``title`` or ``item`` (an id), optionally ``user``; all text. Rows
        without a rating are left out, so a questionnaire need not be filled in as a whole.

    Returns
    -------
    ``user``, ``item``, ``title``, ``rating``; no rows if nobody is new.

    Raises
    ------
    InputError
        That tells every rating which cannot be used: file, column, row, and how to mend it.
    """
    given = [
        Given(NAME, title, rating, "recommendation.newcomer") for title, rating in settings.newcomer
    ]
    if newcomers_raw is not None:
        given += _of_file(checks.as_text(newcomers_raw))
    if not given:
        return empty(RATINGS)
    n_ratings = pd.Series(
        count_ratings(train_matrix, validation_matrix),
        index=pd.Index(vocabulary["items"], dtype="str"),
    )
    table, notes, mistakes = Reader(items, n_ratings[n_ratings > 0], scale).read(given)
    if mistakes:
        more = f"\n  and {len(mistakes) - SHOWN:,} more" if len(mistakes) > SHOWN else ""
        raise InputError("new people's ratings:\n  " + "\n  ".join(mistakes[:SHOWN]) + more)
    for note in notes:
        logger.info("%-24s %s", "newcomers", note)
    return table[list(RATINGS)]


def _of_file(table: pd.DataFrame) -> list[Given]:
    item = "item" if "item" in table else "title"
    file, first_line = checks.file_of(table), table.attrs.get("first_line")
    if missing := [name for name in (item, "rating") if name not in table]:
        raise InputError(
            f"{file}: no column {' and none '.join(map(repr, missing))}; the file has "
            f"{', '.join(map(repr, table.columns))}. Write columns title (or item, an id), rating "
            "and, of several people, user, with commas between them."
        )
    checks.require_rows(table, "rating")
    users = table["user"].str.strip() if "user" in table else pd.Series("", index=table.index)
    given = []
    for row, (user, asked, rating) in enumerate(
        zip(users, table[item], table["rating"], strict=True)
    ):
        line = "" if first_line is None else f" (line {row + first_line})"
        where = f"{file}: row {row + 1}{line}"
        if not rating.strip():
            continue
        given.append(Given(user or NAME, asked, rating, where, (item, "rating")))
    if not given:
        raise InputError(f"{file}: no rating in {len(table):,} rows. Fill in one or more.")
    return given


def recommend_to_newcomers(
    name: str,
    model: Model,
    trained_models: Mapping[str, Model],
    newcomer_ratings: pd.DataFrame,
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
    items: pd.DataFrame,
    settings: RecommendationSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The best items that each new person has not rated, and why; the model stays as it is.

    Returns
    -------
    recommendations, explanations
        As of users whom the model knows; without rows if nobody is new.

    Raises
    ------
    InputError
        If the model cannot take in new people; names those that can.
    """
    if newcomer_ratings.empty:
        return empty(COLUMNS), empty(REASONS)
    if not model.can_fold_in:
        able = [other for other in trained_models if trained_models[other].can_fold_in]
        raise InputError(
            f"model: {name} cannot take in new people without training. Set `model` to one that "
            f"can: {', '.join(able) or 'none of those trained'}."
        )
    ids = Vocabulary.from_dict(vocabulary)
    people = pd.Index(newcomer_ratings["user"].unique())
    ratings = csr_matrix(
        people.get_indexer(pd.Index(newcomer_ratings["user"])),
        ids.items.get_indexer(pd.Index(newcomer_ratings["item"])),
        newcomer_ratings["rating"].to_numpy(),
        (len(people), len(ids.items)),
    )
    try:
        folded = model.fold_in(ratings)
    except ValueError as error:  # saved by an earlier version
        raise InputError(f"data/06_models/{name}: {error}: `kedro run`.") from error
    positions = np.arange(len(people))
    candidates = find_candidates(model, count_ratings(train_matrix, validation_matrix), settings)
    catalogue = Catalogue(items, ids.items)
    lists = top_n(folded, positions, ratings, candidates, settings.n)
    table = recommendation_table(folded, positions, people, lists, catalogue, settings.coverage)
    logger.info(
        "%-24s %s for %s new %s with %s ratings",
        *("newcomers", name, f"{len(people):,}", "person" if len(people) == 1 else "people"),
        f"{ratings.nnz:,}",
    )
    for person, lines in read_out(table, SHOWN):
        logger.info("%-24s %s\n%s", "newcomers", person, lines)
    reasons, factors = settings.explain.reasons, settings.explain.factors
    explainer = Explainer(model, candidates, reasons, factors, people=folded)
    by_name = dict(zip(people, positions.tolist(), strict=True))
    explanations = explain_people(explainer, table, ratings, by_name, catalogue)
    tell(explanations, items, model)
    return table, explanations
