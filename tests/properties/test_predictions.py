"""Whatever models learn from: predictions are finite and on the scale, and none is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fivestar.datasets import SubmissionFile
from fivestar.models import build
from fivestar.pipelines.fitting import fit, refit
from fivestar.pipelines.submission.nodes import SubmissionSettings, submit

from .tables import PROFILE, ids, ratings, training_data

QUICK: list[dict[str, Any]] = [
    {"family": "item_mean"},
    {"family": "bias"},
    {"family": "als", "n_factors": 2, "n_steps": 2},
    {"family": "gradient_descent", "n_factors": 2, "n_steps": 5},
    {"family": "svd", "n_factors": 2, "n_steps": 2},
    {"family": "mf_sgd", "n_factors": 2, "n_steps": 2},
    {"family": "nonparametric_pca"},
    {"family": "bpmf", "n_factors": 2, "n_burn_in": 1, "n_steps": 2, "n_kept": 2},
]


@PROFILE
@given(table=ratings(), settings=st.sampled_from(QUICK))
def test_predictions_are_finite_and_on_the_scale(
    table: pd.DataFrame, settings: dict[str, Any]
) -> None:
    data = training_data(table)
    n_users, n_items = data.vocabulary.shape
    users, items = (at.ravel() for at in np.mgrid[-1:n_users, -1:n_items])
    model = build(settings)
    history = fit(model, data, label="quick")
    final = model.for_refit(history)
    refit(final, data, label="quick")
    for each in (model, final):
        predicted = each.predict(users, items)
        assert np.isfinite(predicted).all()
        assert predicted.min() >= data.scale.lowest
        assert predicted.max() <= data.scale.highest


@PROFILE
@given(
    table=ratings(),
    test_ids=st.one_of(
        st.lists(st.integers(0, 10**12), unique=True, min_size=1, max_size=9),
        st.lists(ids(), unique=True, min_size=1, max_size=9),
    ),
    beyond=st.floats(-20, 20),
)
def test_the_submission_has_one_row_a_pair_in_order(
    table: pd.DataFrame, test_ids: list[Any], beyond: float, tmp_path: Path
) -> None:
    scale = table.attrs["scale"]
    at = np.arange(len(test_ids)) % len(table)
    test = table.iloc[at].reset_index(drop=True).assign(id=test_ids)
    predictions = test.assign(part="test", prediction=test["rating"] + beyond)
    others = test.assign(part="validation", prediction=np.nan)
    leaderboard = pd.DataFrame({"model": ["best", "other"]})
    submission = submit(
        leaderboard,
        test,
        SubmissionSettings(),
        scale,
        best=pd.concat([others, predictions]),
        other=others,
    )
    file = SubmissionFile(filepath=str(tmp_path / "submission.csv"))
    file.save(submission)
    again = pd.read_csv(tmp_path / "submission.csv", dtype={"ID": "str"}, keep_default_na=False)
    assert again["ID"].tolist() == list(map(str, test_ids))
    assert again["Rating"].between(scale.lowest, scale.highest).all()
    np.testing.assert_allclose(
        again["Rating"], np.clip(test["rating"] + beyond, scale.lowest, scale.highest), atol=1e-12
    )
