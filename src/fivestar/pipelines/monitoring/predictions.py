"""What the model predicts of the new ratings, and of those it was tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.metrics.calibration import coverage_hits, randomised_pit
from fivestar.models import Model
from fivestar.ratings import Indices, Times, TrainingData, Vocabulary, times_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """Ratings of one part of the data beside their predictions; arrays have a row a rating.

    Attributes
    ----------
    part : ``new``, or ``test`` or ``validation``
    users : codes, the same for the same user in all parts
    ratings, predictions : in stars
    unknown_users, unknown_items : whether the model was trained on no rating of the user, or of
        the item; some models predict these by features, others fall back to means
    known : whether user and item are known, and the prediction is the model's own
    times : seconds since 1970; None where there are none
    levels : the ratings that the model gives probabilities of, None where it gives none
    probabilities : (n_ratings, n_levels)
    """

    part: str
    users: Indices
    ratings: FloatArray
    predictions: FloatArray
    unknown_users: NDArray[np.bool_]
    unknown_items: NDArray[np.bool_]
    known: NDArray[np.bool_]
    times: Times | None
    levels: FloatArray | None
    probabilities: NDArray[np.float32] | None

    @property
    def errors(self) -> FloatArray:
        """Ratings minus predictions."""
        return self.ratings - self.predictions


def predict_parts(
    name: str,
    model: Model,
    fitted_models: Mapping[str, Model],
    data: TrainingData,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    new_ratings: pd.DataFrame,
) -> tuple[Predicted, Predicted]:
    """The new ratings, and what they are compared with.

    That is the test part, predicted by the final model. Where no test rating is known it is the
    validation part, predicted by the model that was fitted on train alone.
    """
    earlier, part, of_earlier = test[test["rating"].notna()], "test", (model, data.ratings)
    if earlier.empty:
        earlier, part, of_earlier = validation, "validation", (fitted_models[name], data.train)
    codes, ids = Vocabulary.of([new_ratings, earlier]), data.vocabulary
    return (
        _predicted("new", new_ratings, codes, ids, model, data.ratings),
        _predicted(part, earlier, codes, ids, *of_earlier),
    )


def _predicted(
    part: str,
    table: pd.DataFrame,
    codes: Vocabulary,
    ids: Vocabulary,
    model: Model,
    trained_on: sparse.csr_array,
) -> Predicted:
    users, items = ids.indices(table)
    n_items = trained_on.shape[1]
    unknown_users = (users < 0) | (np.diff(trained_on.indptr) == 0)[users]
    unknown_items = (items < 0) | (np.bincount(trained_on.indices, minlength=n_items) == 0)[items]
    times = times_of(table)
    found = model.predict_detailed(users, items, times)
    distribution = model.distribution
    return Predicted(
        part,
        codes.indices(table)[0],
        table["rating"].to_numpy(dtype=np.float64),
        found.values.astype(np.float64),
        unknown_users,
        unknown_items,
        ~(unknown_users | unknown_items | found.fallback),
        times,
        None if distribution is None else np.asarray(distribution.ratings, dtype=np.float64),
        None if distribution is None else distribution.probabilities(users, items),
    )


def inside_intervals(part: Predicted, level: float, seed: int) -> FloatArray:
    """1 where a rating lies in the central interval of this nominal level, else 0."""
    assert part.probabilities is not None
    assert part.levels is not None
    rng = np.random.default_rng(seed)
    pit = randomised_pit(part.probabilities, part.ratings, part.levels, rng)
    return coverage_hits(pit, level).astype(np.float64)
