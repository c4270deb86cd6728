"""How sure a difference between models has to be."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings


class EvaluationSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_evaluation.yml explains them."""

    confidence: Annotated[float, Gt(0), Lt(1)]
    n_resamples: Annotated[int, Ge(999)]
    seed: Seed
