"""How long models will take on much data, told by their first steps on a little of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from fivestar.errors import TooSlow
from fivestar.models import Model, build
from fivestar.models.training import ONLY_TIMED
from fivestar.pipelines import fitting
from fivestar.ratings import TrainingData

SAMPLE = 2_000_000
"""Ratings of train in the larger of the two samples of users; the smaller one has half of them.

Fewer would be in the cache of the processor, and tell of a shorter time.
"""
WORTH_ESTIMATING = 2 * SAMPLE
"""Ratings of train from which on the samples take little of the time of training."""
TINY = 1 / 20
"""Share of the sample that a first fit is on, which only compiles."""


def expected_seconds(settings: Mapping[str, Any], data: TrainingData, *, label: str) -> float:
    """Time that a fit on train will take if it takes all its steps.

    The first steps on two samples give a line, time by ``Model.cost``: what all samples take
    alike, because they have all items, is its constant.

    Parameters
    ----------
    settings
        The model's block: its family and hyper-parameters.
    """
    users = np.random.default_rng(0).permutation(data.train.shape[0])
    n_users = math.ceil(len(users) * SAMPLE / data.train.nnz)
    tiny, small, large = (
        data.of_users(np.sort(users[: math.ceil(share * n_users)])) for share in (TINY, 0.5, 1)
    )
    model = build(settings, label)
    _time(model, tiny, label)
    seconds = [_time(model, sample, label) for sample in (small, large)]
    costs = [model.cost(*each.train.shape, each.train.nnz) for each in (small, large, data)]
    slope = (seconds[1] - seconds[0]) / (costs[1] - costs[0])
    # Whatever the noise: no constant part is negative, and more ratings do not take less time.
    slope = min(max(slope, 0.0), seconds[1] / costs[1])
    return seconds[1] + slope * (costs[2] - costs[1])


def _time(model: Model, data: TrainingData, label: str) -> float:
    """Seconds that all steps would take, told by the first ones."""
    start = time.perf_counter()
    try:
        fitting.fit(model, data, label=f"{label} on a sample", max_seconds=ONLY_TIMED)
    except TooSlow as error:
        return error.seconds
    return time.perf_counter() - start
