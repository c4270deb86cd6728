"""Models that learn step by step and may stop early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import Model, learned
from fivestar.models.training import EarlyStopping, History, train_by_steps


@dataclass(kw_only=True)
class SteppedModel(Model):
    """A model trained by ``train_by_steps``.

    Parameters
    ----------
    n_steps
        Steps (epochs, sweeps) at the most.
    stopping
        When to stop before; None trains all steps and keeps the last weights.
    measure_every
        Steps between two points of the learning curves.

    Attributes
    ----------
    steps_taken : (1,) steps that lie behind the weights
    """

    n_steps: Annotated[int, Ge(1)] = 100
    stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    measure_every: Annotated[int, Ge(1)] = 1

    steps_taken: NDArray[np.int64] = learned(parameter=False)

    def for_refit(self, history: History) -> Self:
        if self.stopping is None:
            return replace(self)
        return replace(self, n_steps=max(1, history.best_step), stopping=None)

    def _train(
        self,
        step: Callable[[], object],
        weights: Sequence[np.ndarray],
        train: sparse.csr_array,
        validation: sparse.csr_array | None,
        label: str,
    ) -> History:
        """Run the shared loop; ``weights`` are the arrays that ``step`` changes in place."""
        history = train_by_steps(
            step,
            self.curve(train, validation),
            weights,
            n_steps=self.n_steps,
            stopping=self.stopping,
            measure_every=self.measure_every,
            label=label,
        )
        self.steps_taken = np.array([history.best_step])
        return history
