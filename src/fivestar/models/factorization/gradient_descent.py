"""Matrix factorisation by full-batch gradient descent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, learned
from fivestar.models.stepped import SteppedModel
from fivestar.models.training import EarlyStopping, History
from fivestar.ratings import Positions


@dataclass(kw_only=True)
class GradientDescent(SteppedModel):
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
    Filtering for the Netflix Prize" (2008); Adam is by Kingma, Ba (2015).

    Parameters
    ----------
    n_factors
        k, length of a user's and an item's vector.
    biases
        Whether the global mean and biases are part of the prediction.
    optimizer
        ``sgd`` is plain gradient descent, with ``momentum`` the heavy-ball method. ``adam``
        divides each weight's step by the size of its gradients, so that one learning rate
        suits data sets of any size.
    learning_rate
        ``sgd``: factor of the loss's gradient; the largest stable one grows with the number
        of users and items. ``adam``: about the change of a weight in the first steps.
    momentum
        Share of the previous direction that is kept; Adam's beta_1.
    regularization
        L2 penalty of the factors, in squared errors: comparable to a number of ratings.
    frequency_power
        How the penalty of a user's or item's factors grows with its number of ratings.
    bias_regularization
        L2 penalty of the biases: number of ratings equal to the mean added to each.
    init_scale
        Standard deviation of the normally distributed factors before the first step.

    Attributes
    ----------
    user_factors : (n_users, n_factors) and item_factors : (n_items, n_factors), sqrt(stars)
    user_bias : (n_users,) and item_bias : (n_items,), stars; empty with ``biases=False``
    """

    family: ClassVar[str] = "gradient_descent"

    n_steps: Annotated[int, Ge(1)] = 400
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=40))
    measure_every: Annotated[int, Ge(1)] = 5
    n_factors: Annotated[int, Ge(1)] = 8
    biases: bool = True
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: Annotated[float, Gt(0)] = 0.05
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    regularization: Annotated[float, Ge(0)] = 9.0
    frequency_power: Annotated[float, Ge(0)] = 0.5
    bias_regularization: Annotated[float, Ge(0)] = 4.0
    init_scale: Annotated[float, Ge(0)] = 0.1

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History:
        parameters = self._start(train.shape)
        targets = Targets.of(train, float(self.global_mean[0]) if self.biases else 0.0)
        penalties = self._penalties(train)
        optimizer = self._optimizer(parameters, train.nnz)

        def step() -> None:
            optimizer.zero_grad()
            left, right = self._sides(*parameters)
            errors = ObservedErrors.apply(left, right, targets)  # type: ignore[no-untyped-call]
            pairs = zip(penalties, parameters, strict=True)
            penalty = sum((weight * parameter.square()).sum() for weight, parameter in pairs)
            ((errors.square().sum() + penalty) / train.nnz).backward()
            optimizer.step()

        weights = [self.user_factors, self.item_factors, self.user_bias, self.item_bias]
        return self._train(step, weights, train, validation, label)

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        pairs = self.user_factors.take(users, axis=0), self.item_factors.take(items, axis=0)
        stars: FloatArray = np.einsum("pk,pk->p", *pairs)
        if self.biases:
            stars += self.global_mean + self.user_bias[users] + self.item_bias[items]
        return stars

    def _start(self, shape: tuple[int, int]) -> list[Tensor]:
        """Make the parameters before the first step; the learned arrays share their memory."""
        generator = torch.Generator().manual_seed(self.seed)
        draws = [torch.randn((n, self.n_factors), generator=generator) for n in shape]
        biases = [torch.zeros(n if self.biases else 0) for n in shape]
        parameters = [*(self.init_scale * draw for draw in draws), *biases]
        for parameter in parameters:
            parameter.requires_grad_()
        arrays = (parameter.detach().numpy() for parameter in parameters)
        self.user_factors, self.item_factors, self.user_bias, self.item_bias = arrays
        return parameters

    def _penalties(self, train: sparse.csr_array) -> list[Tensor | float]:
        """L2 weights of users' factors (n, 1), items' factors (m, 1) and both biases."""
        weights: list[Tensor | float] = []
        for counts in (np.diff(train.indptr), np.bincount(train.indices, minlength=train.shape[1])):
            share = (counts / counts.mean()) ** self.frequency_power
            weights.append(torch.from_numpy(self.regularization * share).float()[:, None])
        return [*weights, self.bias_regularization, self.bias_regularization]

    def _optimizer(self, parameters: list[Tensor], n_ratings: int) -> torch.optim.Optimizer:
        if self.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=self.learning_rate, momentum=self.momentum)
        return torch.optim.Adam(
            parameters,
            lr=self.learning_rate,
            betas=(self.momentum, 0.999),
            eps=1e-8 / n_ratings,  # the mean loss has gradients as small as 1 / n_ratings
        )

    def _sides(self, users: Tensor, items: Tensor, user_bias: Tensor, item_bias: Tensor) -> Any:
        """Two matrices whose rows' dot products are the predictions without the mean."""
        if not self.biases:
            return users, items
        left = torch.column_stack([users, user_bias, torch.ones_like(user_bias)])
        right = torch.column_stack([items, torch.ones_like(item_bias), item_bias])
        return left, right


@dataclass(frozen=True)
class Targets:
    """What the dot products shall be, at the observed pairs only.

    Attributes
    ----------
    by_user : (n_users, n_items) sparse CSR
    item_starts, item_users, order
        The transpose: its CSR indices and, for each entry, the place in ``by_user``.
    """

    by_user: Tensor
    item_starts: Tensor
    item_users: Tensor
    order: Tensor

    @classmethod
    def of(cls, train: sparse.csr_array, mean: float = 0.0) -> Self:
        """Take ``mean`` from all ratings."""
        places = np.arange(train.nnz)
        by_item = sparse.csr_array((places, train.indices, train.indptr), train.shape).tocsc()
        starts, columns, ratings = map(torch.from_numpy, (train.indptr, train.indices, train.data))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            by_user = _csr(starts, columns, ratings - mean, train.shape)
        return cls(by_user, *map(torch.from_numpy, (by_item.indptr, by_item.indices, by_item.data)))


class ObservedErrors(torch.autograd.Function):
    """Errors of dot products, left_u . right_i - target_ui, at the observed pairs only.

    With the errors' gradients G as a sparse matrix the gradients are G right and G^T left.
    Memory is that of the ratings; autograd on gathered rows would keep ratings times factors,
    and take five times as long at ten columns.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, targets: Targets) -> Tensor:
        """Errors (n_ratings,) in stars for left (n_users, r) and right (n_items, r)."""
        ctx.save_for_backward(left, right)
        ctx.targets = targets
        errors: Tensor = torch.sparse.sampled_addmm(targets.by_user, left, right.T, beta=-1.0)
        return errors.values()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients by left and by right."""
        (left, right), targets, (errors,) = ctx.saved_tensors, ctx.targets, gradients
        pattern = targets.by_user
        by_user = _csr(pattern.crow_indices(), pattern.col_indices(), errors, pattern.shape)
        reordered = errors.index_select(0, targets.order)
        by_item = _csr(targets.item_starts, targets.item_users, reordered, pattern.shape[::-1])
        return by_user @ right, by_item @ left, None


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.sparse_csr_tensor(starts, columns, values, size=shape, check_invariants=False)
