"""Bayesian factorisation with all that a table of ratings tells beside the stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, learned
from fivestar.models.bayesian.cutpoints import Cutpoints, SharedCutpoints, UserCutpoints
from fivestar.models.bayesian.gibbs import Chain
from fivestar.models.bayesian.likelihood import Gaussian, Likelihood, OrdinalProbit
from fivestar.models.bayesian.prior import RowPrior, who_rated_what
from fivestar.models.bayesian.sampled import SampledModel
from fivestar.models.training import Training


@dataclass(kw_only=True)
class BayesianMF(SampledModel):
    r"""Bayesian factorisation with features, ordered stars and noise per user.

    Extends ``BPMF`` by five things, each of which can be switched off:

    - Features: (x_u, b_u) ~ N(m_U + F_u B, L_U^-1), and likewise the items, where F_u are the
      user's side features (Macau; Simm et al., 2017). A user or item without ratings is
      predicted from its features.
    - Who rated what: which items a user rated, n_u^-1/4 each, are further features of the
      user, and which users rated an item of the item; from train only, however they rated.
      In the user's half this is the implicit feedback of SVD++ (Koren, 2008).
    - Ordered stars: z_ui = x_u . y_i + b_u + b_i + e_ui is latent, and the star is the
      interval between two cutpoints that z lies in (ordinal probit; Albert and Chib, 1993).
    - Cutpoints per user: some people give five stars easily, some hardly (Koren and Sill,
      "OrdRec", 2011).
    - Noise per user: e_ui ~ N(0, 1 / a_u), a_u ~ Gamma: some people rate more steadily.

    The prediction is the expected star. Time plays no part. (Nearest relative: the Bayesian
    factorisation machines with ordered probit of Rendle, Zhang, Koren, "On the Difficulty of
    Evaluating Baselines", 2019.)

    Parameters
    ----------
    side_features
        Whether to use the side features, where there are any.
    who_rated_what
        Whether to use which ratings exist.
    ordinal_stars
        Whether stars are ordered levels instead of numbers. With a single star or more than
        20 different ones in train they are numbers all the same.
    user_cutpoints
        Whether each user has cutpoints of their own, where stars are ordered.
    noise_per_user
        Whether each user has a noise of their own.
    noise_shape
        Shape of the Gamma prior of a_u: as much as 2 * noise_shape ratings.
    n_directions
        Leading singular directions kept of the features of each kind: what many have in
        common carries over, and time and memory stay bounded.

    Attributes
    ----------
    side_links, rated_links
        (n_user_features, directions) and (n_items, directions): a user's features times these
        are their coordinates, which ``user_coefficients`` go with; no columns where not used
    side_usual, rated_usual
        (directions,) coordinates of people of whom nothing is known, the mean over users
    """

    family: ClassVar[str] = "bayesian_mf"

    side_features: bool = True
    who_rated_what: bool = True
    ordinal_stars: bool = True
    user_cutpoints: bool = True
    noise_per_user: bool = True
    noise_shape: Annotated[float, Gt(0)] = 30.0
    n_directions: Annotated[int, Ge(1)] = 100

    side_links: FloatArray = learned(parameter=False)
    rated_links: FloatArray = learned(parameter=False)
    side_usual: FloatArray = learned(parameter=False)
    rated_usual: FloatArray = learned(parameter=False)

    def _chain(self, training: Training) -> Chain:
        train = training.ratings
        random = np.random.default_rng(self.seed)
        likelihood = self._likelihood(train, random)
        features = training.features if self.side_features else None
        given = (None, None) if features is None else (features.users, features.items)
        self.known_users, self.known_items = (
            ~np.isnan(means) | (np.zeros(len(means), bool) if side is None else _not_empty(side))
            for means, side in zip((self.user_means, self.item_means), given, strict=True)
        )
        groups: list[list[sparse.csr_array]] = [[] if side is None else [side] for side in given]
        if self.who_rated_what:
            for group, side in zip(groups, (train, train.T.tocsr()), strict=True):
                group.append(who_rated_what(side))
        chain = Chain(
            train,
            self.n_factors,
            likelihood,
            *groups,
            prior_scale=self.prior_scale,
            n_directions=self.n_directions,
            random=random,
        )
        self._remember_links(given[0], train, chain.users.prior)
        return chain

    def _remember_links(
        self, side: sparse.csr_array | None, train: sparse.csr_array, prior: RowPrior
    ) -> None:
        groups = iter(prior.groups)
        self.side_links = np.zeros((0 if side is None else side.shape[1], 0), dtype=np.float32)
        self.rated_links = np.zeros((train.shape[1], 0), dtype=np.float32)
        self.side_usual = self.rated_usual = np.zeros(0, dtype=np.float32)
        if side is not None and side.nnz:
            group = next(groups)
            self.side_links, self.side_usual = group.links(side), group.usual
        if self.who_rated_what:
            group = next(groups)
            self.rated_links, self.rated_usual = group.links(who_rated_what(train)), group.usual

    def _directions(
        self, ratings: sparse.csr_array, features: sparse.csr_array | None
    ) -> FloatArray:
        n_people, n_features = ratings.shape[0], len(self.side_links)
        side = np.tile(self.side_usual, (n_people, 1))
        if features is not None and n_features:
            if features.shape[1] != n_features:
                raise ValueError(f"{features.shape[1]} features of people, not {n_features}")
            side = _coordinates(features, self.side_links, self.side_usual)
        rated = _coordinates(who_rated_what(ratings), self.rated_links, self.rated_usual)
        return np.hstack([side, rated]).astype(np.float32)

    @property
    def _noise_shape(self) -> float | None:
        return self.noise_shape if self.noise_per_user else None

    @property
    def _own_cutpoints(self) -> bool:
        return bool(self.ordinal[0]) and self.user_cutpoints

    def _likelihood(self, train: sparse.csr_array, random: np.random.Generator) -> Likelihood:
        discrete = self._set_stars(train)
        self.ordinal = np.array([self.ordinal_stars and discrete and len(self.stars) > 1])
        given: Any = {"train": train, "stars": self.stars, "random": random}
        given |= {"per_user": self.noise_per_user, "shape": self.noise_shape}
        if not self.ordinal[0]:
            return Gaussian(**given)
        moves: Cutpoints = (
            UserCutpoints(self.shares, train.shape[0], random)
            if self.user_cutpoints
            else SharedCutpoints(self.shares, random)
        )
        return OrdinalProbit(**given, moves=moves)


def _coordinates(features: sparse.csr_array, links: FloatArray, usual: FloatArray) -> FloatArray:
    """Of people's features, (n_people, directions)."""
    coordinates: FloatArray = features @ links
    coordinates[~_not_empty(features)] = usual
    return coordinates


def _not_empty(features: sparse.csr_array) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = np.diff(features.indptr) > 0
    return filled
