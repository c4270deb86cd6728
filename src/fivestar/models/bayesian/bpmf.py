"""Bayesian probabilistic matrix factorisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from fivestar.models.bayesian.factorization import BayesianFactorization


@dataclass(kw_only=True)
class BPMF(BayesianFactorization):
    r"""Factorisation r_ui ~ N(mu + b_u + b_i + x_u . y_i, 1 / a), averaged over its posterior.

    With the bias as one more coordinate, the rows of the users are
    (x_u, b_u) ~ N(m_U, L_U^-1) and those of the items (y_i, b_i) ~ N(m_I, L_I^-1), with
    Normal-Wishart hyperpriors on (m, L) and a ~ Gamma(1, 1): nothing is left to regularise by
    hand. Gibbs sampling draws in turn (m_U, L_U), all users, (m_I, L_I), all items and a; a
    user given all else is normal,

        (x_u, b_u) ~ N(A^-1 c, A^-1),   A = L_U + a sum_i d_i d_i',
        c = L_U m_U + a sum_i (r_ui - mu - b_i) d_i,   d_i = (y_i, 1),

    and the prediction is the mean over the samples, which does not overfit with more of them.
    (Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain
    Monte Carlo", 2008.)
    """

    family: ClassVar[str] = "bpmf"
    version: ClassVar[int] = 3

    prior_scale: Annotated[float, Gt(0)] = 0.3
    n_burn_in: Annotated[int, Ge(0)] = 200
    n_steps: Annotated[int, Ge(1)] = 800
    n_kept: Annotated[int, Ge(1)] = 160
