"""The factorisations that use all ratings in every step of gradient descent."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.factorization.optimizers import EPSILON, SQUARE_DECAY, adam, heavy_ball
from fivestar.models.factorization.squared_errors import (
    Readout,
    SquaredErrors,
    Weights,
    sum_and_find_gradients,
)
from fivestar.models.factorization.targets import (
    Scaling,
    Weighting,
    random_fraction,
    rating_weights,
    shift_and_scale,
    weights_of_levels,
)
from fivestar.models.factors import Factors
from fivestar.models.solver import UserRegression, with_ones, worth_of_stopping
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.models.vector_loops import aligned
from fivestar.ratings import Counts, csr_matrix, observed, row_sums, with_values

SIDES = "user", "item"
Strength = Callable[[Counts], FloatArray | float]
"""L2 penalty of the factors of users or items, by their numbers of ratings."""


@dataclass(frozen=True)
class Objective:
    """What a family minimises beside the squared errors, and what its prediction is made of.

        sum_u l_u |a_u|^2 + sum_i l_i |f_i|^2 + l_b (sum_u b_u^2 + sum_i b_i^2)
            + l_s |s|^2 + g sum_{all u, i} (a_u . f_i)^2

    Attributes
    ----------
    of_users, of_items
        l_u and l_i, in squared errors: comparable to a number of ratings.
    of_biases
        l_b; None where predictions have no biases.
    centred
        Whether predictions start from the mean rating.
    gravity
        g.
    of_diagonal, init_diagonal
        l_s, and s before the first step; 0 where the factors are not multiplied by s.
    """

    of_users: Strength
    of_items: Strength
    of_biases: float | None
    centred: bool = True
    gravity: float = 0.0
    of_diagonal: float = 0.0
    init_diagonal: float = 0.0

    @property
    def biased(self) -> bool:
        return self.of_biases is not None

    def strengths(self, counts: Sequence[Counts]) -> dict[str, FloatArray | float]:
        """The l of each weight, by name, from numbers of ratings of users and items."""
        of_users, of_items = (
            np.reshape(np.asarray(strength(each), dtype=np.float32), (-1, 1))
            for strength, each in zip((self.of_users, self.of_items), counts, strict=True)
        )
        of_bias = self.of_biases or 0.0
        return {
            "user_factors": of_users,
            "item_factors": of_items,
            "user_bias": of_bias,
            "item_bias": of_bias,
            "diagonal": self.of_diagonal,
        }


@dataclass(kw_only=True)
class FullBatch(Steps, Model):
    """A factorisation r_ui ~ mu + b_u + b_i + a_u . f_i learned by full-batch gradient descent.

    Minimises 1/N [sum_ui w_ui (r_ui - prediction)^2 + penalty], w being the sample weights, 1
    unless there are any, and N their sum over the observed ratings. Every step uses all of
    these; unobserved pairs are never touched. Subclasses say what the penalty is, and whether
    there are biases, by an ``Objective``.

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
        Fraction of the previous direction that is kept; Adam's beta_1.
    init_scale
        Standard deviation of the normally distributed factors before the first step.
    rating_scaling
        Whether the ratings are rescaled before, and predictions after: ``standardise`` to mean
        0 and standard deviation 1, ``min_max`` the ends of the scale to 0 and 1.
    rating_weights
        Weights of the squared errors: ``balanced`` gives each rating level the same total
        weight; ``upsample`` draws rare levels again until all are equally frequent.
    train_share
        Fraction of the ratings that is learned from.

    Attributes
    ----------
    user_factors, item_factors : (n_users, n_factors) and (n_items, n_factors) sqrt(units)
    user_bias, item_bias : (n_users,) and (n_items,) units; empty where there are none
    diagonal : (n_factors,) s; empty where there is none
    scaling : (2,) shift and scale of the ratings, units
    average_user : (n_factors,) mean of the users' factors
    level_weights : (2, n_levels) ratings and the weights of their squared errors; empty if all 1
    learned_from : (3,) numbers of ratings, and of users and items that have any
    steps_taken : (1,) steps that lie behind the weights
    """

    uses_weights: ClassVar[bool] = True

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

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    diagonal: FloatArray = learned()
    scaling: FloatArray = learned(parameter=False)
    average_user: FloatArray = learned(parameter=False)
    level_weights: FloatArray = learned(parameter=False)
    learned_from: NDArray[np.int64] = learned(parameter=False)
    steps_taken: NDArray[np.int64] = learned(parameter=False)

    @abstractmethod
    def _objective(self) -> Objective:
        """What the family minimises; asked for once ``learned_from`` is set."""

    def _fit(self, training: Training) -> History:
        ratings = random_fraction(training.ratings, self.train_share, self.seed)
        weights = None
        if training.weights is not None:
            of_train = with_values(training.ratings, training.weights)
            weights = random_fraction(of_train, self.train_share, self.seed)
        of_weights = None if weights is None else weights.data
        of_items = np.bincount(ratings.indices, of_weights, minlength=ratings.shape[1])
        counts = row_sums(ratings, weights), of_items
        total = float(ratings.nnz) if of_weights is None else float(of_weights.sum())
        self.learned_from = np.array([round(total), *(np.count_nonzero(each) for each in counts)])
        objective = self._objective()
        self.scaling = np.array(
            shift_and_scale(
                ratings.data, self._ends, self.rating_scaling, objective.centred, of_weights
            ),
            dtype=np.float32,
        )
        importance = rating_weights(ratings.data, self.rating_weights, self.seed)
        self.level_weights = np.empty((2, 0), dtype=np.float32)
        if importance is not None:
            self.level_weights = weights_of_levels(ratings.data, importance)
        if of_weights is not None:
            importance = of_weights if importance is None else importance * of_weights
        learnt = self._start(ratings.shape, objective)
        descent = _Descent(self, learnt, ratings, importance, objective.strengths(counts), total)
        if self.train_share == 1:
            of_validation = self._errors_of(training.validation)
            training = replace(training, measure=lambda: (descent.error(), of_validation()))
        history = training.run(descent.step, list(learnt.values()), self)
        self.average_user = self.user_factors[counts[0] > 0].mean(axis=0)
        self.steps_taken = np.array([history.best_step])
        return history

    def _errors_of(self, validation: sparse.csr_array | None) -> Callable[[], float | None]:
        """Gives the RMSE, in ratings, of the weights as they are at each call."""
        if validation is None:
            return lambda: None
        users, items, values = observed(validation)
        known = self._knows(users, items)
        inside = csr_matrix(users[known], items[known], values[known], validation.shape)
        errors = SquaredErrors.of(inside, self._readout)
        users, items, values = users[~known], items[~known], values[~known]
        apart = float(np.square(self.predict(users, items) / self.unit - values).sum())

        def error() -> float:
            squares = apart + errors.sum(*self._sides(), self._readout)
            return self.unit * math.sqrt(squares / validation.nnz)

        return error

    @property
    def _readout(self) -> Readout:
        lowest, highest = self._ends if self.clamp else (-math.inf, math.inf)
        shift, scale = self.scaling.tolist()
        return Readout(shift, scale, lowest, highest, self.unit * self.whole_stars)

    def _sides(self) -> tuple[Weights, Weights]:
        """Those of users and items; their products are the predictions without the mean."""
        users, items = _sides_of(vars(self))
        if self.diagonal.size:
            users = Weights(np.multiply(users.factors, self.diagonal, dtype=np.float32), users.bias)
        return users, items

    def _start(self, shape: tuple[int, int], objective: Objective) -> dict[str, FloatArray]:
        """Make the weights before the first step: the model's arrays."""
        generator = torch.Generator().manual_seed(self.seed)
        users, items = (torch.randn((n, self.n_factors), generator=generator) for n in shape)
        user_bias, item_bias = (
            np.zeros(n if objective.biased else 0, dtype=np.float32) for n in shape
        )
        n_diagonal = self.n_factors if objective.init_diagonal else 0
        weights: dict[str, FloatArray] = {
            "user_factors": aligned((self.init_scale * users).numpy()),
            "item_factors": aligned((self.init_scale * items).numpy()),
            "user_bias": user_bias,
            "item_bias": item_bias,
            "diagonal": np.full(n_diagonal, objective.init_diagonal, dtype=np.float32),
        }
        for name, weight in weights.items():
            setattr(self, name, weight)
        return weights

    def _factors(self) -> Factors:
        """In units, from the scale that the ratings were brought to."""
        shift, scale = self.scaling.tolist()
        users, items = self.user_factors, self.item_factors
        if self.diagonal.size:  # a S f = (a |S|^1/2 sign S) . (f |S|^1/2)
            roots = np.sqrt(np.abs(self.diagonal))
            users, items = users * roots * np.sign(self.diagonal), items * roots
        own = Factors.biased(0, self.user_bias, self.item_bias, users, items).times(scale)
        return replace(own, constant=shift)

    # -- new users

    def _regression(self, ratings: sparse.csr_array) -> UserRegression:
        """Of what a user's ratings are above base, on the scale that they were brought to.

        The base is the item's bias; without biases what the average user is predicted, from
        which the user's factors then differ by the solution.
        """
        objective = self._objective()
        shift, scale = self.scaling
        design = self.item_factors * self.diagonal if self.diagonal.size else self.item_factors
        # Gravity pulls a user's products with all items.
        gram: FloatArray = objective.gravity * (self.item_factors.T @ self.item_factors)
        base: FloatArray = design @ self.average_user
        if objective.biased:
            base, design, gram = self.item_bias, with_ones(design), np.pad(gram, (0, 1))
        weights = None
        if self.level_weights.size:
            weights = np.interp(ratings.data, *self.level_weights)
        penalty = self._penalty_of(np.diff(ratings.indptr), objective)
        brought = with_values(ratings, (ratings.data - shift) / scale)
        return UserRegression(brought, base, design, penalty, gram, weights)

    def _penalty_of(self, counts: Counts, objective: Objective) -> FloatArray:
        penalty = np.empty((len(counts), self.n_factors + objective.biased))
        penalty[:] = np.reshape(objective.of_users(counts), (-1, 1))
        penalty[:, self.n_factors :] = objective.of_biases
        if self.optimizer == "sgd":
            rate = 2 * self.learning_rate / (1 - self.momentum) / self.train_size[2]
            penalty += worth_of_stopping(rate, int(self.steps_taken[0]))
        return penalty

    def _users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        return self._regression(ratings).rescaled(*self.scaling.tolist())

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        found = self._regression(ratings).solve()
        self.user_factors, self.user_bias = found[:, : self.n_factors].copy(), found[:, -1].copy()
        if not self._objective().biased:
            self.user_factors, self.user_bias = self.average_user + found, np.zeros(0, np.float32)

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        shift, scale = self.scaling
        base, parts = self._regression(user).contributions(item)
        return float(shift + scale * base), scale * parts


class _Descent:
    """The steps of a model's training; the errors that measuring finds serve the next step."""

    def __init__(
        self,
        model: FullBatch,
        weights: Mapping[str, FloatArray],
        ratings: sparse.csr_array,
        importance: FloatArray | None,
        strengths: Mapping[str, FloatArray | float],
        total: float,
    ) -> None:
        """``strengths`` are of the penalty, ``total`` is what the loss is divided by."""
        self.model, self.total = model, total
        by_user = SquaredErrors.of(ratings, model._readout, importance)
        self.errors = by_user, by_user.by_column(ratings.shape[1])
        self.weights = weights
        self.strengths = {
            name: np.full((len(weight), 1), strengths[name], dtype=np.float32)[:, 0]
            for name, weight in weights.items()
        }
        self.gradients, self.means, self.gradient_squares = (
            {name: np.zeros_like(weight) for name, weight in weights.items()} for _ in range(3)
        )
        self.n_steps = 0
        self.squares: float | None = None  # of the weights as they are

    def error(self) -> float:
        """RMSE on the ratings learned from, in ratings."""
        return self.model.unit * math.sqrt(self._find() / len(self.errors[0].targets))

    def step(self) -> None:
        self._find()
        model, gradients = self.model, self.gradients
        sides, of_sides = _sides_of(vars(model)), _sides_of(gradients)
        if model.diagonal.size:
            of_users = of_sides[0].factors
            gradients["diagonal"][:] = np.einsum("uk,uk->k", model.user_factors, of_users)
            of_users *= model.diagonal
        if gravity := model._objective().gravity:
            add_gravity(gravity, sides, of_sides)
        self.n_steps += 1
        for name in self.weights:
            self._move(name)
        self.squares = None

    def _move(self, name: str) -> None:
        n, momentum, rate = len(self.weights[name]), self.model.momentum, self.model.learning_rate
        if n == 0:
            return
        rows, gradient, mean, square = (
            each[name].reshape(n, -1)
            for each in (self.weights, self.gradients, self.means, self.gradient_squares)
        )
        given = rows, gradient, self.strengths[name], np.float32(2 / self.total), mean
        if self.model.optimizer == "sgd":
            heavy_ball(*given, np.float32(momentum), np.float32(rate))
            return
        corrected = rate / (1 - momentum**self.n_steps)
        root = math.sqrt(1 - SQUARE_DECAY**self.n_steps)
        # The mean loss has gradients as small as 1 / total, and so must what is added to them.
        epsilon = EPSILON / self.total
        adam(
            *given,
            np.float32(momentum),
            np.float32(corrected * root),
            square,
            np.float32(epsilon * root),
        )

    def _find(self) -> float:
        """Set the gradients of half the squared errors; the sum of the squares, units^2."""
        if self.squares is None:
            sides = self.model._sides(), _sides_of(self.gradients)
            self.squares = sum_and_find_gradients(self.errors, *sides, self.model._readout)
        return self.squares


def _sides_of(arrays: Mapping[str, FloatArray]) -> tuple[Weights, Weights]:
    """The arrays of users and of items."""
    users, items = (Weights(arrays[f"{side}_factors"], arrays[f"{side}_bias"]) for side in SIDES)
    return users, items


def add_gravity(
    strength: float, sides: tuple[Weights, Weights], gradients: tuple[Weights, Weights]
) -> None:
    """Add half the gradient of g sum_{all u, i} (a_u . f_i)^2, by two k x k matrices."""
    for own, other, gradient in zip(sides, reversed(sides), gradients, strict=True):
        gram = other.factors.T @ other.factors
        gradient.factors[:] += strength * (own.factors @ gram)
