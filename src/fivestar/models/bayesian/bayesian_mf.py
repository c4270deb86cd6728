"""Bayesian factorisation with all that a table of ratings tells beside the ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from fivestar.models.bayesian.factorization import BayesianFactorization


@dataclass(kw_only=True)
class BayesianMF(BayesianFactorization):
    r"""Bayesian factorisation with features, ordered ratings and noise per user.

    Extends ``BPMF`` by five things, each of which can be switched off:

    - Features: (x_u, b_u) ~ N(m_U + F_u B, L_U^-1), and likewise the items, where F_u are the
      user's side features (Macau; Simm et al., 2017). A user or item without ratings is
      predicted from its features.
    - Implicit feedback: which items a user rated, n_u^-1/4 each, are further features of the
      user, and which users rated an item of the item; from train only, however they rated.
      For users this is the implicit feedback of SVD++ (Koren, 2008). The number of an item's
      ratings is a feature too, and a rating that is predicted counts (see ``AddedRating``).
    - Ordered ratings: z_ui = x_u . y_i + b_u + b_i + e_ui is latent, and the rating is the
      interval between two cutpoints that z lies in (ordinal probit; Albert and Chib, 1993).
    - Cutpoints per user: some users give the highest rating easily, some hardly (Koren and
      Sill, "OrdRec", 2011).
    - Noise per user: e_ui ~ N(0, 1 / a_u), a_u ~ Gamma: some users rate more steadily.

    The prediction is the expected rating. Time plays no part. (Nearest relative: the Bayesian
    factorisation machines with ordered probit of Rendle, Zhang, Koren, "On the Difficulty of
    Evaluating Baselines", 2019.)

    Parameters
    ----------
    side_features
        Whether to use the side features, where there are any.
    implicit_feedback
        Whether to use which ratings exist.
    unrated_items
        What an item without ratings in train passes for: ``rare``, one of those with the
        fewest, as in a random split and wherever it could have been rated; or ``new``, one
        of whose popularity nothing is known, so that it gets what the mean rating's item has.
    ordinal_stars
        Whether ratings are ordered levels instead of numbers. With a single level or more than
        20 different ones in train they are numbers all the same.
    user_cutpoints
        Whether each user has their own cutpoints, where ratings are ordered levels.
    noise_per_user
        Whether each user has their own noise.
    noise_shape
        Shape of the Gamma prior of a_u: as much as 2 * noise_shape ratings.
    n_directions
        Leading singular directions kept of side features and of implicit feedback.
    """

    family: ClassVar[str] = "bayesian_mf"
    version: ClassVar[int] = 3

    n_chains: Annotated[int, Ge(1)] = 2
    n_burn_in: Annotated[int, Ge(0)] = 100
    n_steps: Annotated[int, Ge(1)] = 400

    side_features: bool = True
    implicit_feedback: bool = True
    unrated_items: Literal["rare", "new"] = "rare"
    ordinal_stars: bool = True
    user_cutpoints: bool = True
    noise_per_user: bool = True
    noise_shape: Annotated[float, Gt(0)] = 30.0
    n_directions: Annotated[int, Ge(1)] = 100
