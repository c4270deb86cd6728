"""Every model's error on real ratings lies where it is known to lie.

A tenth of MovieLens 100K is held out at random and also decides when to stop. The bands are
about .02 wide: a change that makes a model worse, or sees what it must not see, leaves them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse

from fivestar.config import name_members
from fivestar.metrics import rmse
from fivestar.models import build
from fivestar.ratings import Context, Scale, Vocabulary, observed

from .project import ROOT

RATINGS = ROOT / "data/01_raw/demo/ml-100k.inter"
BLOCKS = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())["models"]
name_members(BLOCKS)
BANDS = {
    "item_mean": 1.014,
    "bias": 0.941,
    "gradient_descent": 0.903,
    "gradient_descent_course": 0.956,
    "als": 0.901,
    "svd": 0.911,
    "svd_sarwar": 0.965,
    "pmf": 0.918,
    "mf_sgd": 0.899,
    "mf_gravity": 0.907,
    "mf_diagonal": 0.909,
    "dot_bias": 0.906,
    "svdpp": 0.890,
    "autoencoder": 0.878,
    "autoencoder_user": 0.894,
    "autoencoder_deep": 0.885,
    "ordinal_autoencoder": 0.875,
    "neural_cf": 0.912,
    "residual_mf": 0.899,
    "softmax_dnn": 0.931,
    "bpmf": 0.891,
    "bayesian_mf": 0.866,
    "nonparametric_pca": 0.871,
    "item_knn": 0.908,
    "user_knn": 0.914,
    "bias_time": 0.913,
    "bayesian_mf_time": 0.852,
    "blend": 0.906,
}
QUICK_MEMBERS = ("svd", "item_knn")
"""Of blends, here: the others are measured by themselves."""
QUICK_CHAIN = {"n_burn_in": 40, "n_steps": 110}
QUICKER = {
    "bpmf": QUICK_CHAIN,
    "bayesian_mf": {**QUICK_CHAIN, "n_chains": 1},
    "bayesian_mf_time": QUICK_CHAIN,
}
"""Fewer sweeps of the samplers, whose error falls little further."""
SLOW = {
    *("autoencoder_deep", "bayesian_mf_time", "dot_bias", "neural_cf", "nonparametric_pca"),
    *("ordinal_autoencoder", "residual_mf"),
}


class Part(NamedTuple):
    """Ratings of the demo, and when they were given."""

    ratings: sparse.csr_array
    context: Context


@pytest.fixture(scope="module")
def parts() -> tuple[Part, Part]:
    if not RATINGS.exists():
        pytest.skip("the demo's ratings are not there: `make test` fetches them")
    table = pd.read_csv(RATINGS, sep="\t", dtype={0: str, 1: str})
    table.columns = pd.Index(["user", "item", "rating", "timestamp"])
    held_out = np.random.default_rng(7).random(len(table)) < 0.1
    ids = Vocabulary.of([table])
    train, test = (
        Part(ids.matrix(rows), Context.of(rows, ids))
        for rows in (table[~held_out], table[held_out])
    )
    return train, test


def test_every_model_has_a_band() -> None:
    assert set(BANDS) == set(BLOCKS)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in BLOCKS]
)
def test_error_on_real_ratings_is_inside_its_band(name: str, parts: tuple[Part, Part]) -> None:
    train, test = parts
    block = {**BLOCKS[name], **QUICKER.get(name, {})}
    if "members" in block:
        quick = {member: block["members"][member] for member in QUICK_MEMBERS}
        block = {**block, "members": quick, "n_folds": 2}
    model = build(block, name)
    model.fit(
        train.ratings,
        test.ratings,
        scale=Scale(1, 5),
        context=train.context,
        validation_context=test.context,
        label=name,
    )
    users, items, ratings = observed(test.ratings)
    assert test.context.times is not None
    error = rmse(ratings, model.predict(users, items, test.context.times.data))
    assert abs(error - BANDS[name]) < 0.01, error
