"""Bayesian factorisations: samples of the posterior, drawn by Gibbs sampling."""

from __future__ import annotations

import math
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.bayesian.added_rating import AddedRating, with_factor
from fivestar.models.bayesian.course import Course, State
from fivestar.models.bayesian.cutpoints import Cutpoints
from fivestar.models.bayesian.distribution import PosteriorDistribution
from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.likelihood import Gaussian, Likelihood, OrdinalProbit
from fivestar.models.bayesian.prior import (
    FeatureGroup,
    RowPrior,
    implicit_feedback,
    popularity,
    project,
)
from fivestar.models.bayesian.sampler import Rows, Sampler, sample_users
from fivestar.models.bayesian.scores import Samples
from fivestar.models.factors import Factors, low_rank
from fivestar.models.levels import MAX_LEVELS, levels_of
from fivestar.models.solver import with_ones
from fivestar.models.threads import available_threads, in_threads, rounds_in_threads
from fivestar.models.training import History, Steps, Training
from fivestar.ratings import Features, Indices, Times

WORTH_SHARING = 500_000
"""Ratings from which on threads share the work of a chain instead of having one each."""
MAX_NUMBERS = 1 << 27
"""Of the vectors of ``factors``, users and items together: half a GB."""
RANK = 32
"""Of the mean scores that lists are first looked for by."""
FIRST_SWEEPS, SWEEPS = 25, 5
"""Over new users: at the first kept sample, from their prior means, and at each further one,
from where the last one left them. Ratings of MovieLens 100K are predicted as well with 2 or 40
of the latter, within 0.03, as by another seed."""


@dataclass(kw_only=True)
class BayesianFactorization(Model):
    r"""A factorisation kept as samples of its unknowns given the ratings.

    In sample s the latent rating of a pair is f_s = x_u . y_i + b_u + b_i with noise of
    standard deviation 1 / root_us, and a prediction is the mean over the samples of f_s or,
    where ratings are ordered levels l_j, of the expected rating
    l_1 + sum_j (l_{j+1} - l_j) Phi((f_s - c_sj) root_us).

    Samples are drawn for a fixed number of sweeps: the mean of more of them does not overfit,
    so there is nothing to stop early. The curves trace the RMSE of the mean so far (during
    burn-in of the latest sample), of the latest sample alone on train (``sample_rmse``), and
    the noise's standard deviation, mean over the users (``noise``: in ratings, or on the scale
    of the latent ratings). Users and items without ratings or features take no part.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    prior_scale
        v of the Wishart prior (see ``RowPrior``): the less, the fewer factors come to life.
    n_chains
        Independent chains, side by side where there are cores; their samples are averaged.
    n_burn_in, n_steps
        Sweeps of each chain that are thrown away while it finds its way, and sweeps after them.
    n_kept
        About so many of the latter's samples, of all chains together, are kept, evenly spaced:
        a model of 4 n_kept (k + 1) (n_users + n_items + k + 2 + n_directions) bytes.

    Attributes
    ----------
    user_samples : (n_users, n_kept, k + 1) factors and, last, biases; with implicit feedback
        k + 2, one more factor before the bias (see ``AddedRating``)
    item_samples : (n_items, n_kept, k + 1 or k + 2)
    noise_roots : (n_users, n_kept) one over the noise's standard deviation
    cutpoints : (n_users or 1, n_kept, n_levels - 1) latent ratings between one level and the
        next; the middles between levels where ratings are numbers
    levels : (n_levels,) distinct ratings of train, or an even grid where they are too many
    level_fractions : (n_levels,) of the ratings of train
    prior_means : (1, n_kept, k + 1) of the users' rows
    prior_precisions : (k + 1, n_kept, k + 1)
    prior_coefficients : (n_directions, n_kept, k + 1) how a user's features move the mean
    rating_effects : (1, n_kept, k + 1) how one more user's rating moves an item's prior mean
    noise_variances : (1, n_kept) of all users
    cutpoint_means, cutpoint_precisions : (1, n_kept, n_levels - 1) of all users
    side_projection, side_default : of user features; see ``FeatureGroup``
    implicit_projection, implicit_default : of which items a user rated
    """

    n_factors: Annotated[int, Ge(1)] = 15
    prior_scale: Annotated[float, Gt(0)] = 1.0
    n_chains: Annotated[int, Ge(1)] = 1
    n_burn_in: Annotated[int, Ge(0)] = 150
    n_steps: Annotated[int, Ge(1)] = 550
    n_kept: Annotated[int, Ge(1)] = 110

    # Switched off but for ``BayesianMF``, of which they are settings.
    side_features: bool = field(init=False, default=False)
    implicit_feedback: bool = field(init=False, default=False)
    unrated_items: Literal["rare", "new"] = field(init=False, default="rare")
    ordinal_stars: bool = field(init=False, default=False)
    user_cutpoints: bool = field(init=False, default=False)
    noise_per_user: bool = field(init=False, default=False)
    noise_shape: float = field(init=False, default=1.0)
    n_directions: int = field(init=False, default=1)

    user_samples: FloatArray = learned()
    item_samples: FloatArray = learned()
    noise_roots: FloatArray = learned()
    cutpoints: FloatArray = learned()
    levels: FloatArray = learned(parameter=False)
    level_fractions: FloatArray = learned(parameter=False)
    prior_means: FloatArray = learned(parameter=False)
    prior_precisions: FloatArray = learned(parameter=False)
    prior_coefficients: FloatArray = learned(parameter=False)
    rating_effects: FloatArray = learned(parameter=False)
    noise_variances: FloatArray = learned(parameter=False)
    cutpoint_means: FloatArray = learned(parameter=False)
    cutpoint_precisions: FloatArray = learned(parameter=False)
    side_projection: FloatArray = learned(parameter=False)
    side_default: FloatArray = learned(parameter=False)
    implicit_projection: FloatArray = learned(parameter=False)
    implicit_default: FloatArray = learned(parameter=False)

    # -- training

    def _fit(self, training: Training) -> History:
        self.levels, self.level_fractions = levels_of(training.ratings.data, self._ends)
        samplers = self._samplers(training.ratings, training.features)
        every = math.ceil(self.n_chains * self.n_steps / self.n_kept)
        n_sweeps = (self.n_burn_in + self.n_steps) // every * every
        steps = Steps(n_steps=n_sweeps, stopping=None, measure_every=every)
        # With more ratings a chain itself keeps the threads busy.
        n_threads = available_threads() if training.ratings.nnz < WORTH_SHARING else 1
        course = Course(self, training)
        # Chains side by side wait for nobody, unless each sweep's time counts.
        ahead = min(n_threads, self.n_chains) > 1 and training.max_seconds is None
        if ahead:
            chains = [course.looks(sampler, every) for sampler in samplers]
            rounds = rounds_in_threads(next, chains, n_sweeps // every + 1, n_threads)
        else:
            rounds = course.rounds(samplers, n_threads)

        def sweep() -> None:
            if not ahead:
                in_threads(lambda sampler: sampler.sweep(), samplers, n_threads)

        with closing(rounds):
            measured = replace(training, measure=lambda: course.measure(next(rounds)))
            history = measured.run(sweep, [], steps)
        history.curves, history.best_step = course.curves, history.steps[-1]
        self._keep(course.states)
        return history

    def _samplers(self, ratings: sparse.csr_array, features: Features | None) -> list[Sampler]:
        """One of each chain, of all users and items with ratings or features."""
        if features is None or not self.side_features:
            features = Features(*(sparse.csr_array((n, 0)) for n in ratings.shape))
        self.known_users = self.known_users | (np.diff(features.users.indptr) > 0)
        self.known_items = self.known_items | (np.diff(features.items.indptr) > 0)
        users, items = np.flatnonzero(self.known_users), np.flatnonzero(self.known_items)
        complete = ratings.shape == (len(users), len(items))
        train = ratings if complete else ratings[users][:, items]
        of_users = self._feature_groups(features.users[users], train, by_entries=False)
        of_items = self._feature_groups(features.items[items], train.T.tocsr(), by_entries=True)
        if self.implicit_feedback:
            of_items.append(self._popularity(train, of_items[1]))
        side, implicit = of_users
        self.side_projection, self.side_default = side.projection, side.default
        self.implicit_projection = _all_rows(implicit.projection, self.known_items)
        self.implicit_default = implicit.default
        return [self._sampler(train, of_users, of_items, chain) for chain in range(self.n_chains)]

    def _sampler(
        self,
        train: sparse.csr_array,
        of_users: list[FeatureGroup],
        of_items: list[FeatureGroup],
        chain: int,
    ) -> Sampler:
        """Of one chain, with a state of its own."""
        draws = Draws(train.indptr, np.random.default_rng([self.seed, chain]))
        user_prior, item_prior = (
            RowPrior(self.n_factors + 1, self.prior_scale, [copy(group) for group in groups])
            for groups in (of_users, of_items)
        )
        likelihood = self._likelihood(train, self.mean[0], draws)
        return Sampler(train, likelihood, user_prior, item_prior)

    def _feature_groups(
        self, side: sparse.csr_array, ratings: sparse.csr_array, *, by_entries: bool
    ) -> list[FeatureGroup]:
        implicit = sparse.csr_array(ratings.shape)
        if self.implicit_feedback:
            implicit = implicit_feedback(ratings)
        options = self.n_factors + 1, self.n_directions, by_entries
        return [FeatureGroup(features, *options) for features in (side, implicit)]

    def _popularity(self, train: sparse.csr_array, implicit: FeatureGroup) -> FeatureGroup:
        """Of the items; decides what an item without ratings passes for."""
        counts = np.bincount(train.indices, minlength=train.shape[1])
        count = float(counts[counts > 0].min())
        if self.unrated_items == "new":
            count = 2 ** np.average(np.log2(np.maximum(counts, 1)), weights=counts)
        else:
            implicit.expect(count**0.75 * np.diff(train.indptr) / train.nnz)
        features = popularity(counts, count_of_unrated=count)
        return FeatureGroup(features, self.n_factors + 1, 1, by_entries=True)

    def _likelihood(
        self, ratings: sparse.csr_array, offset: np.float32, draws: Draws
    ) -> Likelihood:
        """Of ratings given scores, which leave out the offset where ratings are numbers."""
        middles = (self.levels[1:] + self.levels[:-1]) / 2
        noise_shape = self.noise_shape if self.noise_per_user else None
        per_user = self.user_cutpoints and self.ordinal
        cutpoints = Cutpoints(self.level_fractions, draws.n_users if per_user else None)
        if self.ordinal:
            levels = np.searchsorted(middles, ratings.data).astype(np.int8)
            return OrdinalProbit(levels, cutpoints, noise_shape, draws)
        cutpoints.fix(middles, np.zeros_like(middles))
        return Gaussian(ratings.data - offset, cutpoints, noise_shape, draws)

    def _state(self, sampler: Sampler) -> State:
        """The sampler's state as one sample, of all users and items."""
        noise, cutpoints = sampler.likelihood.noise, sampler.likelihood.cutpoints
        prior = sampler.user_prior
        users, items, effects = self._rows_of_predictions(sampler)
        items = items.copy()
        items[:, -1] += np.float32(0) if self.ordinal else self.mean[0]
        state = {
            "user_samples": _all_rows(users, self.known_users),
            "item_samples": _all_rows(items, self.known_items),
            "rating_effects": effects[None],
            "noise_roots": _all_rows(np.sqrt(noise.precisions), self.known_users),
            "cutpoints": _all_rows(cutpoints.values, self.known_users)
            if cutpoints.per_user
            else cutpoints.values,
            "prior_means": prior.mean[None],
            "prior_precisions": prior.precision,
            "prior_coefficients": np.vstack([group.coefficients for group in prior.groups]),
            "noise_variances": np.array([noise.variance]),
            "cutpoint_means": cutpoints.mean[None],
            "cutpoint_precisions": cutpoints.precision[None],
        }
        return {name: values.astype(np.float32) for name, values in state.items()}

    def _rows_of_predictions(self, sampler: Sampler) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Users' and items' rows, and the mean effect of one more rating on an item's row."""
        if not self.implicit_feedback:
            no_effect: FloatArray = np.zeros(self.n_factors + 1)
            return sampler.users.values, sampler.items.values, no_effect
        _, implicit, of_popularity = sampler.item_prior.groups
        counts = np.diff(sampler.items.starts)
        added = AddedRating(implicit, of_popularity, counts, self.unrated_items == "new")
        return added.rows(sampler)

    def _keep(self, states: list[State]) -> None:
        """Stack samples to arrays; each is dropped as soon as it is copied."""
        for name, first in list(states[0].items()):
            stacked = np.empty((len(first), len(states), *first.shape[1:]), dtype=np.float32)
            for s, state in enumerate(states):
                stacked[:, s] = state.pop(name)
            setattr(self, name, stacked)

    # -- prediction

    @property
    def ordinal(self) -> bool:
        """Whether ratings are ordered levels instead of numbers."""
        return self.ordinal_stars and 1 < len(self.levels) <= MAX_LEVELS

    @property
    def samples(self) -> Samples:
        return Samples(*(getattr(self, name) for name in Samples._fields))

    def expected(self, samples: Samples, users: Indices, items: Indices) -> FloatArray:
        """Mean rating of known pairs by some samples, in units, unclamped."""
        if not self.ordinal:
            return samples.moments(users, items)[0]
        above = samples.exceedance(users, items)
        expected: FloatArray = self.levels[0] + above @ np.diff(self.levels).astype(np.float64)
        return expected

    def expected_at(
        self, samples: Samples, users: Indices, items: Indices, times: Times | None
    ) -> FloatArray:
        """As ``expected``, of ratings given at these times."""
        return self.expected(samples, users, items)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return self.expected(self.samples, users, items)

    @property
    def distribution(self) -> PosteriorDistribution | None:
        return None if self.biases_only else PosteriorDistribution(self)

    @property
    def n_samples(self) -> int:
        """Samples kept; fewer than wanted where the chain diverged."""
        return int(self.cutpoints.shape[1])

    @property
    def n_parameters(self) -> int:
        """Unknowns of one sample: (k + 1)(n_users + n_items), cutpoints, noise."""
        if self.biases_only:
            return super().n_parameters
        derived = (self.n_users + self.n_items) * self.implicit_feedback
        return super().n_parameters // self.n_samples - derived

    def _factors(self) -> Factors:
        """Samples end to end, so that a dot product is the mean over the samples' dot products.

        A factor has no meaning from one sample to the next, so the mean of vectors has none;
        the mean of dot products has. That of ``AddedRating`` is left out.
        """
        both = [self._rows(each) for each in (self.user_samples, self.item_samples)]
        n_taken = MAX_NUMBERS // (self.n_factors * sum(map(len, both)))
        n_taken = min(self.n_samples, max(1, n_taken))
        taken = np.linspace(0, self.n_samples - 1, n_taken).astype(int)
        users, items = (
            each[:, taken, :-1].reshape(len(each), -1) / np.float32(np.sqrt(n_taken))
            for each in both
        )
        of_users, of_items = (each[:, :, -1].mean(1) for each in both)
        of_user, of_item = of_users[self.known_users].mean(), of_items[self.known_items].mean()
        return Factors(
            items=items,
            users=users,
            item_bias=of_items - of_item,
            user_bias=of_users - of_user,
            constant=float(of_user + of_item),
            in_ratings=not self.ordinal,
            exact=not self.ordinal and not self.implicit_feedback and n_taken == self.n_samples,
        )

    def _ranking_factors(self) -> Factors:
        """The mean score, low-rank.

        Not only the mean over the samples of an item's score decides on its expected rating,
        but more than anything else (docs/large.md).
        """
        users = self.user_samples.reshape(self.n_users, -1)
        items = self.item_samples.copy()
        items[:, :, -1] = 0  # the biases are added
        short = low_rank(users, items.reshape(self.n_items, -1), RANK)
        scale = np.float32(1 / self.n_samples)
        return Factors(
            users=short[0] * scale,
            items=short[1],
            user_bias=self.user_samples[:, :, -1].mean(1),
            item_bias=self.item_samples[:, :, -1].mean(1),
        )

    def _rows(self, samples: FloatArray) -> FloatArray:
        """Without the factor of ``AddedRating``: k factors and the bias."""
        return np.delete(samples, -2, axis=-1) if self.implicit_feedback else samples

    # -- new users

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Draw the users' rows, noise and cutpoints for each kept sample of all else."""
        draws = Draws(ratings.indptr, np.random.default_rng(self.seed), common=True)
        likelihood = self._likelihood(ratings, np.float32(0), draws)
        noise, cutpoints = likelihood.noise, likelihood.cutpoints
        coordinates = self._coordinates(ratings, features)
        users = Rows(ratings, self.prior_means[0, 0] + coordinates @ self.prior_coefficients[:, 0])
        drawn = []
        for s in range(self.n_samples):
            items = np.ascontiguousarray(self._rows(self.item_samples[:, s]))
            means = self.prior_means[0, s] + coordinates @ self.prior_coefficients[:, s]
            prior = means, self.prior_precisions[:, s].astype(np.float64)
            noise.fix(self.noise_variances[0, s])
            cutpoints.fix(self.cutpoint_means[0, s], self.cutpoint_precisions[0, s])
            for _ in range(SWEEPS if s else FIRST_SWEEPS):
                latent = likelihood.latent(users.scores(items))
                sample_users(users, items, latent, likelihood, prior)
                noise.sample(draws, latent - users.scores(items))
                if not self.ordinal and not self.noise_per_user:
                    break  # the rows are independent of the last ones
            rows = users.values
            if self.implicit_feedback:
                rows = with_factor(rows, with_ones(rows[:, :-1]) @ self.rating_effects[0, s])
            drawn.append((rows.copy(), np.sqrt(noise.precisions), cutpoints.values.copy()))
        self.user_samples, self.noise_roots, self.cutpoints = (
            np.stack(each, axis=1).astype(np.float32) for each in zip(*drawn, strict=True)
        )

    def _coordinates(
        self, ratings: sparse.csr_array, features: sparse.csr_array | None
    ) -> FloatArray:
        """The users' features in the coordinates of the prior, (n_users, n_directions)."""
        n_features = len(self.side_projection)
        side = np.tile(self.side_default, (ratings.shape[0], 1))
        if features is not None and n_features:
            if features.shape[1] != n_features:
                raise ValueError(f"{features.shape[1]} features of users, not {n_features}")
            side = project(features, self.side_projection, self.side_default)
        implicit = implicit_feedback(ratings)
        rated = project(implicit, self.implicit_projection, self.implicit_default)
        return np.hstack([side, rated]).astype(np.float32)


def _all_rows(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """The known rows among all, float32; the others are zero."""
    rows = np.zeros((len(known), *values.shape[1:]), dtype=np.float32)
    rows[known] = values
    return rows
