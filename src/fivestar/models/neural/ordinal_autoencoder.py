"""An autoencoder that gives each level of the ratings a probability."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from torch import Generator, Tensor

from fivestar.models.base import BLOCK, FloatArray, learned
from fivestar.models.factors import Factors
from fivestar.models.levels import MAX_LEVELS, in_ratings, level_at
from fivestar.models.minibatch import Network
from fivestar.models.neural.autoencoder import Autoencoder
from fivestar.models.sparse_products import SparseRows, dot_products_at
from fivestar.models.training import History, Training
from fivestar.ratings import Indices

GRID = 13
"""Levels that stand for a continuous scale."""
STEPS = 150
"""Steps in which a new column's weights are learned; with more they hardly move."""
RATE = 0.05
"""Of the first of these steps; it falls evenly to zero."""


@dataclass(kw_only=True)
class OrdinalAutoencoder(Autoencoder):
    r"""An autoencoder of ratings as ordered levels l_1 < ... < l_K, which softmax tells apart.

    The code c of a row is that of ``Autoencoder``. For column j

        s_j = c . (v + V_j)                                    score
        P(r_j = l_k) ~ exp(t_k + d_jk + s_j (l_k - mu) / sd)   probability

    where mu and sd are mean and standard deviation of the ratings in train. The score moves
    probability from low to high levels, d_j says which levels user j uses often (or item j gets
    often): the odds of neighbouring levels are those of an adjacent-categories
    logit. Adam minimises the mean of -log P(r_j) over the ratings in a minibatch of rows, plus
    lambda (sum_l |E_l|^2 + |G|^2 + |V|^2 + |d|^2). The prediction is the expected rating.

    Ratings of a continuous scale lie between two levels of an even grid and count for each of
    them by their nearness, so that the expectation is not rounded.

    Agresti, "Analysis of Ordinal Categorical Data", 2010, section 4.1. Autoencoders with ordered
    levels: Zheng, Tang, Ding and Zhou, "A Neural Autoregressive Approach to Collaborative
    Filtering", ICML 2016.

    Parameters
    ----------
    l2
        lambda; t, v and the biases a are not shrunk.

    Attributes
    ----------
    decoder_bias : d (w, K)
    level_bias : t (K,)
    levels : l (K,) distinct ratings of train, or an even grid where they are too many
    level_fractions : (K,) of the ratings of train
    """

    family: ClassVar[str] = "ordinal_autoencoder"
    version: ClassVar[int] = 1

    l2: Annotated[float, Ge(0)] = 4e-4

    level_bias: FloatArray = learned()
    levels: FloatArray = learned(parameter=False)
    level_fractions: FloatArray = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        ratings = training.ratings.data
        levels = np.unique(ratings)
        if len(levels) > MAX_LEVELS:
            levels = np.linspace(*self._ends, GRID)
        self.levels = levels.astype(np.float32)
        below, above, share = self._neighbours(torch.from_numpy(ratings - self.mean[0]))
        counts = torch.zeros(len(levels), dtype=torch.float64)
        for level, weight in ((below, 1 - share), (above, share)):
            counts.index_add_(0, level, weight.double())
        self.level_fractions = (counts / len(ratings)).numpy().astype(np.float32)
        return super()._fit(training)

    def _start(self, width: int, generator: Generator) -> Network:
        network = super()._start(width, generator)
        fractions = torch.from_numpy(self.level_fractions)
        network.weights["decoder_bias"] = torch.zeros(width, len(fractions))
        # A level that is missing, or fills a gap of the grid, keeps a finite logarithm.
        network.weights["level_bias"] = fractions.clamp(min=1 / float(self.train_size[2])).log()
        return network

    def _misfit(self, network: Network, products: Tensor, bias: Tensor, ratings: Tensor) -> Tensor:
        """Mean over ratings of -log P(r), by c . (v + V_j), d_j and r - mu."""
        return self._surprise(network, products, bias, ratings).mean()

    def _surprise(self, network: Network, scores: Tensor, bias: Tensor, ratings: Tensor) -> Tensor:
        """-log P(r), (n_ratings,)."""
        steps = torch.from_numpy(self._level_steps)
        logits: Tensor = network.weights["level_bias"] + bias + scores[:, None] * steps
        below, above, share = self._neighbours(ratings)
        lower, upper = (logits.gather(1, level[:, None])[:, 0] for level in (below, above))
        return logits.logsumexp(1) - lower.lerp(upper, share)

    def _neighbours(self, ratings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The levels on both sides of ratings above mu, and the share of the upper one."""
        levels = torch.from_numpy(self.levels - self.mean[0])
        below = torch.bucketize(ratings, levels, right=True) - 1
        below.clamp_(0, max(len(levels) - 2, 0))
        above = (below + 1).clamp_(max=len(levels) - 1)
        distance = (levels[above] - levels[below]).clamp_(min=torch.finfo(levels.dtype).tiny)
        return below, above, ((ratings - levels[below]) / distance).clamp_(0, 1)

    @property
    def _level_steps(self) -> NDArray[np.float32]:
        """(l_k - mu) / sd, (K,); zeros where there is one level only."""
        above = self.levels - self.mean[0]
        spread = np.sqrt(np.square(above) @ self.level_fractions)
        steps = above / spread if len(above) > 1 else np.zeros(1)
        return steps.astype(np.float32)

    # -- prediction

    def _probabilities(self, users: Indices, items: Indices) -> FloatArray:
        """(n_pairs, K) of known pairs."""
        rows, columns = (items, users) if self.direction == "item" else (users, items)
        scores = self._products(rows, columns)
        logits = self.level_bias + self.decoder_bias[columns] + scores[:, None] * self._level_steps
        probabilities: FloatArray = softmax(logits, axis=1)
        return probabilities

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        expected: FloatArray = self._probabilities(users, items) @ self.levels
        return expected

    def _factors(self) -> Factors:
        """Those of the scores; d_j counts by how far it moves the mean level, at first order."""
        moved = copy.copy(self)
        moved.mean = np.zeros(1, dtype=np.float32)
        moved.decoder_bias = self.decoder_bias @ (self.level_fractions * self._level_steps)
        factors = Autoencoder._factors(moved)
        return replace(factors, in_ratings=False, exact=False)

    @property
    def distribution(self) -> LevelDistribution | None:
        return None if self.biases_only else LevelDistribution(self)

    # -- new users

    def _fold_in_columns(self, ratings: sparse.csr_array) -> None:
        """Decoder rows that fit the items' codes, from zero, by Adam with all else frozen.

        Minimises the sum of -log P(r) + N lambda (|V|^2 + |d|^2), which is convex, with N as in
        ``Autoencoder``. Adam's steps are of each weight alone: nobody's result depends on who
        else is there.
        """
        network = self._start(0, Generator()).shared_by(self)
        block, codes = SparseRows(ratings), torch.from_numpy(self.codes)
        values, columns = block.values - float(self.mean[0]), block.columns
        common = (codes @ network.weights["decoder_mean"]).index_select(0, columns)
        shape = ratings.shape[0], len(self.levels)
        decoder = torch.zeros(shape[0], codes.shape[1], requires_grad=True)
        bias = torch.zeros(shape, requires_grad=True)
        adam = torch.optim.Adam([decoder, bias], lr=RATE, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / STEPS)
        shrinkage = float(self.l2 * self.train_size[2])
        for _ in range(STEPS):
            adam.zero_grad()
            scores = common + dot_products_at(block, decoder, codes)
            rows = bias.index_select(0, block.rows)
            misfit = self._surprise(network, scores, rows, values).sum()
            squares = decoder.square().sum() + bias.square().sum()
            torch.autograd.backward(misfit + shrinkage * squares)
            adam.step()
            falling.step()
        self.decoder, self.decoder_bias = (each.detach().numpy() for each in (decoder, bias))

    @property
    def _explains(self) -> bool:
        return False


@dataclass(frozen=True)
class LevelDistribution:
    """What an ordinal autoencoder says of ratings.

    Pairs that ``predict`` falls back for get the fractions of the ratings in train.
    """

    model: OrdinalAutoencoder

    @property
    def ratings(self) -> NDArray[np.float64]:
        """(K,) in rising order: those of train, or an even grid on a continuous scale."""
        return in_ratings(self.model.levels, self.model.unit)

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, K); rows sum to 1."""
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        probabilities = np.tile(model.level_fractions, (len(users), 1))
        known = np.flatnonzero(model._knows(users, items))
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            probabilities[block] = model._probabilities(users[block], items[block])
        return probabilities

    def interval(
        self, users: Indices, items: Indices, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper ends, (n_pairs,) each; they hold at least this fraction of ratings.

        The levels at the lower and the upper quantile, both inside, so that the interval usually
        holds more.
        """
        tail = (1 - coverage) / 2
        below = np.cumsum(self.probabilities(users, items), axis=1, dtype=np.float64)
        lower, upper = (self.ratings[level_at(below, p)] for p in (tail, 1 - tail))
        return lower.astype(np.float32), upper.astype(np.float32)
