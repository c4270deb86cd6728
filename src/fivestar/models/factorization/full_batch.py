"""What the factorisations share that use all ratings in every step of gradient descent."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, learned
from fivestar.models.factorization.targets import (
    Scaling,
    Weighting,
    random_share,
    rating_weights,
    shift_and_spread,
    weights_of_stars,
)
from fivestar.models.factors import Factors
from fivestar.models.linear import FactorModel, worth_of_stopping
from fivestar.models.solvers.ridge import PeopleRegression
from fivestar.models.sparse_products import SparseRows, dot_products_at
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Positions

Weights = dict[str, Tensor]
"""The learned arrays by name, as torch sees them."""


@dataclass(kw_only=True)
class FullBatch(Steps, FactorModel):
    """A factorisation r_ui ~ mu + b_u + b_i + a_u . f_i learned by full-batch gradient descent.

    Minimises 1/N [sum_ui (r_ui - prediction)^2 + penalty], N being the number of observed
    ratings. Every step uses all of them; unobserved pairs are never touched. Subclasses say
    what the penalty is (``_penalty``), and may leave out the biases (``_biased``) or the mean
    (``_centred``), or have further weights (``_start``, ``_sides``, ``_factors_at``).

    Parameters
    ----------
    n_factors
        k, length of a user's and an item's vector.
    optimizer
        ``sgd`` is plain gradient descent, with ``momentum`` the heavy-ball method. ``adam``
        (Kingma, Ba, 2015) divides each weight's step by the size of its gradients, so that
        one learning rate suits data sets of any size.
    learning_rate
        ``sgd``: factor of the loss's gradient; the largest stable one grows with the number
        of users and items. ``adam``: about the change of a weight in the first steps.
    momentum
        Share of the previous direction that is kept; Adam's beta_1.
    init_scale
        Standard deviation of the normally distributed factors before the first step.
    rating_scaling
        Whether the ratings are rescaled before, and predictions after: ``standardise`` to mean
        0 and standard deviation 1, ``min_max`` the ends of the scale to 0 and 1.
    rating_weights
        Weights of the squared errors: ``balanced`` gives each star the same total weight;
        ``upsample`` draws rare stars again until all are equally frequent.
    train_share
        Share of the ratings that is learned from.

    Attributes
    ----------
    scaling : (2,) shift and spread of the ratings, stars
    average_user : (n_factors,) mean of the users' factors
    star_weights : (2, n_stars) stars and the weights of their squared errors; empty if all are 1
    user_factors : (n_users, n_factors) and item_factors : (n_items, n_factors), sqrt(stars)
    user_bias : (n_users,) and item_bias : (n_items,), stars; empty where there are none
    """

    n_steps: Annotated[int, Ge(0)] = 400
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=40))
    measure_every: Annotated[int, Ge(1)] = 5
    n_factors: Annotated[int, Ge(1)] = 8
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: Annotated[float, Gt(0)] = 0.05
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    init_scale: Annotated[float, Ge(0)] = 0.1
    rating_scaling: Scaling = "none"
    rating_weights: Weighting = "none"
    train_share: Annotated[float, Gt(0), Le(1)] = 1.0

    scaling: FloatArray = learned(parameter=False)
    average_user: FloatArray = learned(parameter=False)
    steps_taken: NDArray[np.int64] = learned(parameter=False)
    star_weights: FloatArray = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        train = training.ratings
        train = random_share(train, self.train_share, self.seed)
        shift, spread = shift_and_spread(
            train.data, self._ends, self.rating_scaling, centred=self._centred
        )
        self.scaling = np.array([shift, spread], dtype=np.float32)
        weights = self._start(train.shape)
        for name, weight in weights.items():
            setattr(self, name, weight.requires_grad_().detach().numpy())
        rated = SparseRows(train)
        targets = (rated.values - shift) / spread
        weights_of_ratings = rating_weights(train.data, self.rating_weights, self.seed)
        self.star_weights = np.empty((2, 0), dtype=np.float32)
        if self.rating_weights != "none":
            self.star_weights = weights_of_stars(train.data, weights_of_ratings)
        importance = torch.from_numpy(weights_of_ratings)
        strengths = self._strengths(train)
        optimizer = self._optimizer(list(weights.values()), train.nnz)

        def step() -> None:
            optimizer.zero_grad()
            errors = dot_products_at(rated, *self._sides(weights)) - targets
            loss = (importance * errors.square()).sum() + self._penalty(weights, strengths)
            torch.autograd.backward(loss / train.nnz)
            optimizer.step()

        arrays = [getattr(self, name) for name in weights]
        history = training.run(step, arrays, self)
        self.steps_taken = np.array([history.best_step])
        self.average_user = self.user_factors[np.diff(train.indptr) > 0].mean(axis=0)
        return history

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        pairs = self.user_factors.take(users, axis=0), self.item_factors.take(items, axis=0)
        stars: FloatArray = self._dot(*pairs)
        if self._biased:
            stars += self.user_bias[users] + self.item_bias[items]
        shift, spread = self.scaling
        stars = shift + spread * stars
        return stars

    def _dot(self, user_factors: FloatArray, item_factors: FloatArray) -> FloatArray:
        """Products of factors, row by row."""
        products: FloatArray = np.einsum("pk,pk->p", user_factors, item_factors)
        return products

    def _factors(self) -> Factors:
        """On the ratings' own scale, from that which they were rescaled to."""
        shift, spread = self.scaling
        own = replace(super()._factors(), constant=0.0)
        if not self._biased:
            own = replace(own, item_bias=None, user_bias=None)
        return replace(own.times(float(spread)), constant=float(shift))

    # -- new people

    def _item_part(self, items: Positions) -> FloatArray:
        """By mean and item bias; without biases what the average user is predicted."""
        shift, spread = self.scaling
        stars: FloatArray = self._design[items, : self.n_factors] @ self.average_user
        if self._biased:
            stars = self.item_bias[items]
        stars = shift + spread * stars
        return stars

    def _regression(self, ratings: sparse.csr_array) -> PeopleRegression:
        regression = super()._regression(ratings)
        regression.targets.data /= self.scaling[1]
        weights = None
        if self.star_weights.size:
            weights = np.interp(ratings.data, *self.star_weights)
        return replace(regression, gram=self._gram, weights=weights)

    @property
    def _design(self) -> FloatArray:
        return super()._design if self._biased else self.item_factors

    def _penalty_of(self, counts: NDArray[np.integer]) -> FloatArray:
        of_factors, of_bias = self._strengths_of_people(counts)
        penalty = np.empty((len(counts), self.n_factors + self._biased))
        penalty[:] = np.reshape(of_factors, (-1, 1))
        penalty[:, self.n_factors :] = of_bias
        if self.optimizer == "sgd":
            rate = 2 * self.learning_rate / (1 - self.momentum) / self.train_size[2]
            penalty += worth_of_stopping(rate, int(self.steps_taken[0]))
        return penalty

    def _set_people(self, solution: FloatArray, ratings: sparse.csr_array) -> None:
        """Without biases the solution is what a person differs from the average user by."""
        factors, bias = np.split(solution, [self.n_factors], axis=1)
        self.user_factors = factors.copy() if self._biased else self.average_user + factors
        self.user_bias = bias.ravel()

    @property
    def _gram(self) -> FloatArray | None:
        """What the penalty adds to the Gram matrix of every person's regression."""
        return None

    @abstractmethod
    def _strengths_of_people(self, counts: NDArray[np.integer]) -> tuple[FloatArray | float, float]:
        """Penalties of factors and bias of people with so many ratings; see ``_strengths``."""

    # -- what subclasses may differ in

    @property
    def _biased(self) -> bool:
        return True

    @property
    def _centred(self) -> bool:
        """Whether predictions start from the mean rating."""
        return True

    @abstractmethod
    def _strengths(self, train: sparse.csr_array) -> dict[str, Tensor | float]:
        """L2 penalty of each weight, in squared errors: comparable to a number of ratings."""

    def _penalty(self, weights: Weights, strengths: dict[str, Tensor | float]) -> Tensor:
        terms = [(strengths[name] * weight.square()).sum() for name, weight in weights.items()]
        return torch.stack(terms).sum()

    def _start(self, shape: tuple[int, int]) -> Weights:
        """Make the weights before the first step."""
        generator = torch.Generator().manual_seed(self.seed)
        users, items = (torch.randn((n, self.n_factors), generator=generator) for n in shape)
        user_bias, item_bias = (torch.zeros(n if self._biased else 0) for n in shape)
        return {
            "user_factors": self.init_scale * users,
            "item_factors": self.init_scale * items,
            "user_bias": user_bias,
            "item_bias": item_bias,
        }

    def _sides(self, weights: Weights) -> tuple[Tensor, Tensor]:
        """Two matrices whose rows' dot products are the predictions without the mean."""
        left, right = weights["user_factors"], weights["item_factors"]
        if not self._biased:
            return left, right
        user_bias, item_bias = weights["user_bias"], weights["item_bias"]
        left = torch.column_stack([left, user_bias, torch.ones_like(user_bias)])
        right = torch.column_stack([right, torch.ones_like(item_bias), item_bias])
        return left, right

    def _optimizer(self, weights: list[Tensor], n_ratings: int) -> torch.optim.Optimizer:
        if self.optimizer == "sgd":
            return torch.optim.SGD(weights, lr=self.learning_rate, momentum=self.momentum)
        return torch.optim.Adam(
            weights,
            lr=self.learning_rate,
            betas=(self.momentum, 0.999),
            eps=1e-8 / n_ratings,  # the mean loss has gradients as small as 1 / n_ratings
        )
