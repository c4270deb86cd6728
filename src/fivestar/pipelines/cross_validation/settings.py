"""Which folds, and which models."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


class CrossValidationSettings(Settings):
    """Which folds, and which models.

    Parameters
    ----------
    folds
        ``random``; ``stratified`` by item, or ``per_user``: every fold holds an equal part of
        each item's, or user's, ratings; ``published``: those that the data set ships, named
        ``fold_<n>_ratings_raw`` and ``fold_<n>_test_pairs_raw`` in the environment's catalog.
    n_folds
        Their number; every model has a node of its own for each of them.
    seed
        Of the random choices.
    models
        Names of models that have a block; none is the line-up.
    """

    folds: Literal["random", "stratified", "per_user", "published"]
    n_folds: Annotated[int, Ge(2), Le(100)]
    seed: Seed
    models: Texts

    @property
    def study(self) -> str:
        """The name that the runs of this cross-validation share in MLflow."""
        seed = "" if self.folds == "published" else f", seed {self.seed}"
        return f"cross_validation: {self.n_folds} {self.folds} folds{seed}"
