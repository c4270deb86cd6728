"""Matrix factorisation by full-batch gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from fivestar.models.base import FloatArray
from fivestar.models.factorization.full_batch import FullBatch, Objective
from fivestar.ratings import Counts


@dataclass(kw_only=True)
class GradientDescent(FullBatch):
    r"""Matrix factorisation by full-batch gradient descent: r_ui ~ mu + b_u + b_i + a_u . f_i.

    Minimises over all factors and biases at once, N being the number of observed ratings,

        1/N [ sum_ui (r_ui - mu - b_u - b_i - a_u . f_i)^2
              + sum_u l_u |a_u|^2 + sum_i l_i |f_i|^2 + l_b (sum_u b_u^2 + sum_i b_i^2) ]

    with l_u = ``regularization`` (n_u / mean of n_u)^``frequency_power`` and l_i likewise,
    n_u being the number of ratings of user u and the mean over users that have any. Every step
    uses all ratings; unobserved pairs are never touched. With ``biases=False`` the prediction
    is a_u . f_i, so R ~ A F with A = ``user_factors`` (n x k) and F = ``item_factors``
    transposed (k x m).

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

    def _objective(self) -> Objective:
        n_ratings, n_users, n_items = self.learned_from
        return Objective(
            of_users=lambda counts: self._strength(counts, n_ratings / n_users),
            of_items=lambda counts: self._strength(counts, n_ratings / n_items),
            of_biases=self.bias_regularization if self.biases else None,
            centred=self.biases,
        )

    def _strength(self, counts: Counts, mean: float) -> FloatArray:
        strength: FloatArray = self.regularization * (counts / mean) ** self.frequency_power
        return strength
