"""Every model's error on real ratings lies where it is known to lie.

A tenth of MovieLens 100K is held out at random and also decides when to stop. The bands are
about .02 wide: a change that makes a model worse, or sees what it must not see, leaves them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse

from fivestar.config import name_members
from fivestar.metrics import rmse
from fivestar.models import build
from fivestar.ratings import Scale, Vocabulary, observed

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
    "bpmf": 0.889,
    "bayesian_mf": 0.864,
    "nonparametric_pca": 0.871,
    "item_knn": 0.908,
    "user_knn": 0.914,
}


@pytest.fixture(scope="module")
def parts() -> tuple[sparse.csr_array, sparse.csr_array]:
    if not RATINGS.exists():
        pytest.skip("the demo's ratings are not there: `make test` fetches them")
    table = pd.read_csv(RATINGS, sep="\t", dtype={0: str, 1: str})
    table.columns = pd.Index(["user", "item", "rating", "timestamp"])
    held_out = np.random.default_rng(7).random(len(table)) < 0.1
    vocabulary = Vocabulary.of([table])
    return vocabulary.matrix(table[~held_out]), vocabulary.matrix(table[held_out])


def test_every_model_has_a_band() -> None:
    assert set(BANDS) == set(BLOCKS)


@pytest.mark.parametrize("name", BLOCKS)
def test_error_on_real_ratings_is_inside_its_band(
    name: str, parts: tuple[sparse.csr_array, sparse.csr_array]
) -> None:
    model = build(BLOCKS[name], name)
    model.fit(*parts, scale=Scale(1, 5), label=name)
    users, items, ratings = observed(parts[1])
    error = rmse(ratings, model.predict(users, items))
    assert abs(error - BANDS[name]) < 0.01
