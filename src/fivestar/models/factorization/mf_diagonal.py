"""Matrix factorisation with a third, diagonal matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from fivestar.models.factorization.full_batch import FullBatch, Objective


@dataclass(kw_only=True)
class MFDiagonal(FullBatch):
    r"""Three matrices A S F with S diagonal: r_ui ~ mu + b_u + b_i + sum_k a_uk s_k f_ik.

    Minimises

        sum_ui (r_ui - prediction)^2 + l (sum_u |a_u|^2 + sum_i |f_i|^2) + l_s |s|^2
            + l_b (sum_u b_u^2 + sum_i b_i^2)

    S adds no predictions that A F could not make: s_k can be multiplied into a or f. What it
    adds is in the penalty. At the least penalty for a given product, |a_k| = |f_k| and
    l |a_k|^2 = l_s s_k^2, so a factor of product size d_k = |a_k| s_k |f_k| costs in
    proportion to d_k^(2/3) where A F costs d_k^1 (the nuclear norm): a strong factor is shrunk
    less, and a weak one is switched off and shows as s_k = 0.

    As in the singular value decomposition, and the course's list of improvements. On the
    exponent: Shang, Liu, Cheng, "Scalable Algorithms for Tractable Schatten Quasi-Norm
    Minimization", AAAI 2016.

    Parameters
    ----------
    biases
        Whether the mean and biases are part of the prediction, or A S F alone.
    regularization, diagonal_regularization
        l and l_s: in squared errors, comparable to a number of ratings.
    bias_regularization
        l_b: number of ratings equal to the mean added to each user and item.
    init_diagonal
        s before the first step.
    """

    family: ClassVar[str] = "mf_diagonal"

    biases: bool = True
    n_factors: Annotated[int, Ge(1)] = 4
    learning_rate: Annotated[float, Gt(0)] = 0.025
    init_scale: Annotated[float, Ge(0)] = 0.3
    regularization: Annotated[float, Ge(0)] = 18.0
    diagonal_regularization: Annotated[float, Ge(0)] = 3.0
    bias_regularization: Annotated[float, Ge(0)] = 2.7
    init_diagonal: Annotated[float, Gt(0)] = 1.0

    def _objective(self) -> Objective:
        return Objective(
            of_users=lambda counts: self.regularization,
            of_items=lambda counts: self.regularization,
            of_biases=self.bias_regularization if self.biases else None,
            centred=self.biases,
            of_diagonal=self.diagonal_regularization,
            init_diagonal=self.init_diagonal,
        )
