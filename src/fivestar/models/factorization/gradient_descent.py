"""Matrix factorisation by full-batch gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, learned
from fivestar.models.factorization.full_batch import FullBatch


@dataclass(kw_only=True)
class GradientDescent(FullBatch):
    r"""Matrix factorisation by full-batch gradient descent: r_ui ~ mu + b_u + b_i + a_u . f_i.

    Minimises over all factors and biases at once, N being the number of observed ratings,

        1/N [ sum_ui (r_ui - mu - b_u - b_i - a_u . f_i)^2
              + sum_u l_u |a_u|^2 + sum_i l_i |f_i|^2 + l_b (sum_u b_u^2 + sum_i b_i^2) ]

    with l_u = ``regularization`` (n_u / mean of n_u)^``frequency_power`` and l_i likewise,
    n_u being the number of ratings of user u. Every step uses all ratings; unobserved pairs
    are never touched. With ``biases=False`` the prediction is a_u . f_i, so R ~ A F with
    A = ``user_factors`` (n x k) and F = ``item_factors`` transposed (k x m).

    The model is that of Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender
    Systems" (2009); ``frequency_power`` 0 is the penalty of Salakhutdinov, Mnih, "Probabilistic
    Matrix Factorization" (2007), 1 that of Zhou et al., "Large-Scale Parallel Collaborative
    Filtering for the Netflix Prize" (2008).

    Parameters
    ----------
    biases
        Whether the global mean and biases are part of the prediction.
    regularization
        L2 penalty of the factors, in squared errors: comparable to a number of ratings.
    frequency_power
        How the penalty of a user's or item's factors grows with its number of ratings.
    bias_regularization
        L2 penalty of the biases: number of ratings equal to the mean added to each.
    """

    family: ClassVar[str] = "gradient_descent"

    biases: bool = True
    regularization: Annotated[float, Ge(0)] = 9.0
    frequency_power: Annotated[float, Ge(0)] = 0.5
    bias_regularization: Annotated[float, Ge(0)] = 4.0

    usual_count: FloatArray = learned(parameter=False)

    @property
    def _biased(self) -> bool:
        return self.biases

    @property
    def _centred(self) -> bool:
        return self.biases

    def _strengths(self, train: sparse.csr_array) -> dict[str, Tensor | float]:
        strengths: dict[str, Tensor | float] = {
            "user_bias": self.bias_regularization,
            "item_bias": self.bias_regularization,
        }
        n_items, n_ratings = train.shape[1], np.diff(train.indptr)
        self.usual_count = np.array([n_ratings[n_ratings > 0].mean()])
        for name, counts in (
            ("user_factors", np.diff(train.indptr)),
            ("item_factors", np.bincount(train.indices, minlength=n_items)),
        ):
            strength = self._strength(counts, counts[counts > 0].mean())
            strengths[name] = torch.from_numpy(strength).float()[:, None]
        return strengths

    def _strengths_of_people(self, counts: NDArray[np.integer]) -> tuple[FloatArray, float]:
        return self._strength(counts, float(self.usual_count[0])), self.bias_regularization

    def _strength(self, counts: NDArray[np.integer], mean: float) -> FloatArray:
        strength: FloatArray = self.regularization * (counts / mean) ** self.frequency_power
        return strength
