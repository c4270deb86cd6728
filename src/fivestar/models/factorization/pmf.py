"""Probabilistic matrix factorisation: the most probable factors under Gaussian priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from fivestar.models.factorization.full_batch import FullBatch, Objective


@dataclass(kw_only=True)
class PMF(FullBatch):
    r"""Probabilistic matrix factorisation, maximum a posteriori: r_ui ~ mu + a_u . f_i.

    With s the noise of a rating and s_a and s_f the standard deviations of the priors,

        r_ui ~ Normal(mu + a_u . f_i, s^2),  a_u ~ Normal(0, s_a^2 I),  f_i ~ Normal(0, s_f^2 I).

    The negative logarithm of the posterior is, up to a factor and a constant,

        sum_ui (r_ui - mu - a_u . f_i)^2 + l_a sum_u |a_u|^2 + l_f sum_i |f_i|^2,

    l_a = s^2 / s_a^2 and l_f = s^2 / s_f^2; gradient descent minimises it over all factors at
    once. There are no biases: what users and items deviate from the mean by is left to the
    factors. Only the product s_a s_f shows in the ratings, so the best l_a and l_f are not
    unique.

    Salakhutdinov, Mnih, "Probabilistic Matrix Factorization", NIPS 2007, equations 1 to 4,
    without the logistic function and the constraints of its later sections.

    Parameters
    ----------
    user_regularization, item_regularization
        l_a and l_f.
    """

    family: ClassVar[str] = "pmf"

    n_factors: Annotated[int, Ge(1)] = 3
    learning_rate: Annotated[float, Gt(0)] = 0.1
    init_scale: Annotated[float, Ge(0)] = 0.1
    user_regularization: Annotated[float, Ge(0)] = 1.0
    item_regularization: Annotated[float, Ge(0)] = 11.0

    def _objective(self) -> Objective:
        return Objective(
            of_users=lambda counts: self.user_regularization,
            of_items=lambda counts: self.item_regularization,
            of_biases=None,
        )
