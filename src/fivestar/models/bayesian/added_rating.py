"""The rating that is predicted is one of the ratings that exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivestar.models.bayesian.prior import FeatureGroup
from fivestar.models.bayesian.sampler import Sampler
from fivestar.models.solver import with_ones

Array = NDArray[np.floating]


@dataclass
class AddedRating:
    r"""How an item's row moves when a user's rating of it is added to the implicit feedback.

    In train an item's features tell of all its ratings, those that are predicted among them. To
    be asked for the rating of user u and item i is to know that it exists, so the features of
    i must count it too: n_i becomes n_i + 1, and u is one of those that rated i. This moves
    the prior mean of the item's row by

        d_ui = s_i + (n_i + 1)^-1/4 B_u,
        s_i = ((n_i / (n_i + 1))^1/4 - 1) F_i B + log2((n_i + 1) / n_i) P,

    with B the coefficients of the implicit feedback F_i and P that of the popularity, and the
    mean of the row, given all ratings, by A_i^-1 L d_ui, where A_i is the precision of the row
    and L that of its prior. The matrix A_i^-1 L is about g_i I; with g_i its element of the
    bias the score gains g_i (x_u, 1) . d_ui. The part of s_i joins the item's row and the rest
    is one more factor, (x_u, 1) . B_u of the user and g_i (n_i + 1)^-1/4 of the item.

    An item without ratings passes for one of those with the fewest, m, by users like all; one of
    these is now u: d_ui = m^-1/4 (B_u - mean of B). One that is new, of whose count nothing is
    known, stays where it is. A user's features are left as they are: one more rating hardly
    moves a user.

    Attributes
    ----------
    counts : (n_items,) ratings in train
    unrated_are_new : whether a count of 0 says nothing
    """

    implicit: FeatureGroup
    popularity: FeatureGroup
    counts: NDArray[np.integer]
    unrated_are_new: bool

    def __post_init__(self) -> None:
        rated = self.counts > 0
        more, fewest = self.counts + 1, self.counts[rated].min()
        deviation = np.log2(self.counts[rated]).std() or np.inf
        self.loss = ((self.counts / more) ** 0.25 - 1) * rated
        self.rise = np.log2(more / np.maximum(self.counts, 1)) * rated / deviation
        of_unrated = 0 if self.unrated_are_new else fewest**-0.25
        self.gain = np.where(rated, more**-0.25, of_unrated)

    def rows(self, sampler: Sampler) -> tuple[Array, Array, Array]:
        """The sampler's rows with one more factor before the bias, and the mean of B.

        Returns
        -------
        users : (n_users, k + 2)
        items : (n_items, k + 2)
        mean : (k + 1,) of B_u over all ratings
        """
        users, items = sampler.users, sampler.items
        effects = self.implicit.projection @ self.implicit.coefficients
        mean = np.bincount(items.columns, minlength=len(effects)) @ effects / len(items.columns)
        step = self.loss[:, None] * self.implicit.explained
        step -= np.outer(self.gain * (self.counts == 0), mean)
        if len(self.popularity.eigenvalues):
            step += self.rise[:, None] * (self.popularity.projection @ self.popularity.coefficients)
        share = self._share_of_prior(sampler)
        moved = items.values + (share[:, None] * step).astype(np.float32)
        of_users = np.sum(with_ones(users.values[:, :-1]) * effects, axis=1)
        return with_factor(users.values, of_users), with_factor(moved, share * self.gain), mean

    def _share_of_prior(self, sampler: Sampler) -> Array:
        """g, (n_items,): how far the bias moves with its prior mean."""
        items, precision = sampler.items, sampler.item_prior.precision
        shares: Array = items.solver.solve(
            np.zeros(len(items.columns), dtype=np.float32),
            sampler.users.values[:, :-1],
            ones=True,
            column_weights=sampler.likelihood.noise.precisions,
            gram=precision,
            linear=np.tile(precision[:, -1], (len(items.values), 1)),
        )[:, -1]
        return shares


def with_factor(rows: Array, factor: Array) -> Array:
    """Rows with one more factor, before the bias."""
    return np.insert(rows, -1, factor, axis=1)
