"""How settings are searched for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings


class TuningSettings(Settings):
    """Settings of the pipeline ``tuning``, as conf/base/parameters_tuning.yml explains them."""

    model: str
    n_trials: Annotated[int, Ge(1)]
    max_minutes: Annotated[float, Gt(0)] | None
    workers: Annotated[int, Ge(1)] | None
    objective: Literal["inner_folds", "validation"]
    inner_folds: Annotated[int, Ge(2)]
    stopping_share: Annotated[float, Gt(0), Lt(1)]
    prune: bool
    seed: Seed
    spaces: dict[str, dict[str, Any]]
