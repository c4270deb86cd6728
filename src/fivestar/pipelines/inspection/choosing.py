"""The model that is looked into, and the items as it knows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.embeddings import Embeddings, embeddings_of
from fivestar.analysis.labels import said_of
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.choice import require_same_data
from fivestar.ratings import Vocabulary
from fivestar.ratings.titles import shown_titles

logger = logging.getLogger(__name__)


def find_embeddings(
    chosen_name: str,
    chosen_model: Model,
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    model: str | None,
) -> tuple[str, Embeddings]:
    """The model to look into, and its vectors.

    Where the champion has no vectors, the best model that has takes its place.

    Parameters
    ----------
    chosen_name, chosen_model
        As ``choose`` found them.
    model
        The name that was asked for, None for the champion.

    Raises
    ------
    InputError
        If the model that was asked for, or every trained model, has none.
    """
    embeddings = embeddings_of(chosen_model)
    if embeddings is not None:
        return chosen_name, embeddings
    others = with_embeddings(in_order(trained_models, leaderboard), trained_models, vocabulary)
    if model is not None:
        names = ", ".join(name for name, _ in others) or "none of those trained"
        raise InputError(
            f"model: {model!r} has no vectors of items to look into. Models that have: {names}."
        )
    for name, embeddings in others:
        logger.info(
            "%-24s %s, the champion, has no vectors of items; the best that has is %s",
            *("inspection", chosen_name, name),
        )
        return name, embeddings
    raise InputError(
        "no trained model has vectors of items to look into. Add one, `als` for instance, to "
        "`line_up` (parameters_models.yml) and train it: `kedro run`."
    )


def in_order(trained_models: Iterable[str], leaderboard: pd.DataFrame) -> list[str]:
    """Names of trained models, the best first, those that are not on the leaderboard last."""
    trained = list(trained_models)
    ranked = [name for name in leaderboard["model"].astype(str) if name in trained]
    return ranked + [name for name in trained if name not in ranked]


def with_embeddings(
    names: Iterable[str], trained_models: Mapping[str, Model], vocabulary: dict[str, list[str]]
) -> Iterator[tuple[str, Embeddings]]:
    """Those that have vectors and can be read, one in memory at a time."""
    for name in names:
        try:
            model = trained_models[name]
            require_same_data(model, name, vocabulary)
        except InputError as error:
            logger.info("%-24s %s is left out: %s", "inspection", name, error)
            continue
        embeddings = embeddings_of(model)
        if embeddings is not None:
            yield name, embeddings


def describe_items(
    items: pd.DataFrame,
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
) -> pd.DataFrame:
    """What is known of every item of the vocabulary, in its order.

    Returns
    -------
    ``item``, ``title`` (the id where there is none), ``shown`` (with its year), ``year``,
    ``genres`` (with commas, where the data set has them), ``about`` (the genres, else the author
    or the like), ``n_ratings`` and ``mean_rating`` of train and validation.
    """
    ids = Vocabulary.from_dict(vocabulary).items
    known = items.drop_duplicates("item").set_index("item").reindex(ids)
    n_ratings, sums = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids))
    for part in (train_matrix, validation_matrix):
        n_ratings += np.bincount(part.indices, minlength=len(ids))
        sums += np.bincount(part.indices, part.data, minlength=len(ids))
    about = said_of(items, ids)
    return pd.DataFrame(
        {
            "item": ids,
            "title": known["title"].fillna(known.index.to_series()) if "title" in known else ids,
            "shown": shown_titles(items, ids),
            "year": _years(known),
            "genres": about if "genres" in known else "",
            "about": about,
            "n_ratings": n_ratings,
            "mean_rating": np.divide(sums, n_ratings, where=n_ratings > 0, out=sums * np.nan),
        }
    ).reset_index(drop=True)


def _years(known: pd.DataFrame) -> pd.Series:
    years = known["year"] if "year" in known else pd.Series(np.nan, index=known.index)
    numbers: pd.Series = pd.to_numeric(years, errors="coerce").astype("Float64")
    return numbers.round().astype("Int64")
