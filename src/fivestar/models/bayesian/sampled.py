"""Models that are sampled: the chain is run, its samples kept, its course traced."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from scipy import sparse

from fivestar.models.base import PROBE, FloatArray
from fivestar.models.bayesian.cutpoints import spread_over_users
from fivestar.models.bayesian.fold_in import NewPeople, Shared
from fivestar.models.bayesian.gibbs import Chain
from fivestar.models.bayesian.posterior import PosteriorModel
from fivestar.models.bayesian.trace import RunningMean, kept_sweeps, sampled
from fivestar.models.progress import progress_bar
from fivestar.models.training import History, Training
from fivestar.ratings import observed

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class SampledModel(PosteriorModel):
    r"""A posterior found by Gibbs sampling.

    Samples are drawn for a fixed number of sweeps: the mean of more of them does not overfit,
    so there is nothing to stop early. The curves trace the RMSE of the mean so far (during
    burn-in of the latest sample), of the latest sample alone on train (``sample_rmse``), and
    the noise's standard deviation, mean over the users (``noise``: in stars, or in units of
    the latent rating where stars are ordered).

    Parameters
    ----------
    n_factors
        Length k of the factors.
    prior_scale
        v of the Wishart prior (see ``RowPrior``): the less, the fewer factors come to life.
    n_burn_in
        Sweeps that are thrown away while the chain finds its way.
    n_steps
        Sweeps after them.
    n_kept
        Samples kept of those, evenly spread: the model is 4 n_kept (k + 1) (n_users + n_items)
        bytes large, and for folding in people 4 n_kept (k + 1) (k + 2) bytes more, with
        features those of n_kept (k + 1) coefficients a direction.
    """

    n_factors: Annotated[int, Ge(1)] = 15
    prior_scale: Annotated[float, Gt(0)] = 1.0
    n_burn_in: Annotated[int, Ge(0)] = 150
    n_steps: Annotated[int, Ge(1)] = 550
    n_kept: Annotated[int, Ge(1)] = 110

    @abstractmethod
    def _chain(self, training: Training) -> Chain:
        """Set ``stars``, ``shares``, ``ordinal`` and who is known; start a Markov chain."""

    def _fit(self, training: Training) -> History:
        label, validation = training.label, training.validation
        chain = self._chain(training)
        kept_at = kept_sweeps(self.n_burn_in, self.n_steps, self.n_kept)
        self._make_room(chain, len(kept_at))
        running = [self._running(training.ratings, PROBE)]
        if validation is not None:
            running.append(self._running(validation, None))
        history = History(curves={"noise": [], "sample_rmse": []})
        self._record(history, 0, chain, 0, running)

        limit = training.time_limit(int(kept_at[-1]))
        kept, every = 0, max(1, self.n_steps // len(kept_at))
        with progress_bar(kept_at[-1], label) as bar, np.errstate(over="ignore", invalid="ignore"):
            for sweep in range(1, kept_at[-1] + 1):
                chain.sweep()
                bar.update()
                limit.check(sweep)
                if not chain.finite:
                    history.ending = "diverged"
                    logger.warning("%s diverged at sweep %d: kept %d samples", label, sweep, kept)
                    break
                if sweep == kept_at[kept]:
                    self._record(history, sweep, chain, kept, running)
                    kept += 1
                elif sweep <= self.n_burn_in and sweep % every == 0:
                    self._record(history, sweep, chain, 0, running)
                bar.set_postfix_str(f"train RMSE {history.train_rmse[-1]:.4f}", refresh=False)
        self._trim(max(kept, 1))
        self.noise_means = np.mean(self.roots**2, axis=0)
        if self.ordinal[0]:
            self.noise_means[:] = 1  # by definition, see ``OrdinalProbit``
        self.cutpoint_means, self.cutpoint_precisions = spread_over_users(self.cutpoints)
        history.best_step = history.steps[-1]
        return history

    def _make_room(self, chain: Chain, n_kept: int) -> None:
        def room(n_rows: int, *size: int) -> FloatArray:
            return np.zeros((n_rows, n_kept, *size), dtype=np.float32)

        self.user_samples = room(*chain.users.rows.shape)
        self.item_samples = room(*chain.items.rows.shape)
        self.roots = room(len(chain.users.rows))
        self.cutpoints = room(*chain.likelihood.cutpoints.shape)
        prior, size = chain.users.prior, chain.users.rows.shape[1]
        n_directions = sum(len(group.sizes) for group in prior.groups)
        self.user_prior_means = np.zeros((n_kept, size), dtype=np.float32)
        self.user_prior_precisions = np.zeros((n_kept, size, size), dtype=np.float32)
        self.user_coefficients = np.zeros((n_kept, n_directions, size), dtype=np.float32)

    def _record(
        self,
        history: History,
        sweep: int,
        chain: Chain,
        place: int,
        running: list[RunningMean],
    ) -> None:
        """Put the chain's state in one place of the samples, and a point on the curves."""
        mean = 0 if self.ordinal[0] else self.mean[0]
        self.user_samples[:, place] = chain.users.rows
        self.item_samples[:, place] = chain.items.rows
        self.item_samples[:, place, -1] += mean
        self.roots[:, place] = np.sqrt(chain.likelihood.precisions)
        self.cutpoints[:, place] = chain.likelihood.cutpoints
        prior = chain.users.prior
        self.user_prior_means[place] = prior.mean
        self.user_prior_precisions[place] = prior.precision
        if prior.groups:
            self.user_coefficients[place] = np.vstack([g.coefficients for g in prior.groups])

        errors = [part.add(place, counts=sweep > self.n_burn_in) for part in running]
        history.record(sweep, errors[0][0], errors[1][0] if len(errors) > 1 else None)
        history.curves["sample_rmse"].append(errors[0][1])
        history.curves["noise"].append(float(np.mean(1 / self.roots[:, place])))

    def _trim(self, n_kept: int) -> None:
        for name in ("user_samples", "item_samples", "roots", "cutpoints"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[:, :n_kept]))
        for name in ("user_prior_means", "user_prior_precisions", "user_coefficients"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[:n_kept]))

    def _running(self, part: sparse.csr_array, at_most: int | None) -> RunningMean:
        users, items, ratings = sampled(observed(part), at_most)
        known = self._knows(users, items)
        pairs = users[known], items[known]
        return RunningMean(
            ratings * np.float32(self.unit),
            self._fallback(users, items),
            known,
            lambda place: self.unit * self._expected(*pairs, place, place + 1),
            self._finish,
        )

    def _finish(self, stars: FloatArray) -> FloatArray:
        """Clamp and round as ``predict`` does."""
        if self.clamp:
            stars = np.clip(stars, *self.ends)
        return np.rint(stars) if self.whole_stars else stars

    # -- new people

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Draw the people's rows, noise and cutpoints for each kept sample of all else."""
        people = NewPeople(
            ratings,
            stars=self.stars if self.ordinal[0] else None,
            noise_shape=self._noise_shape,
            own_cutpoints=self._own_cutpoints,
            seed=self.seed,
        )
        directions = self._directions(ratings, features)
        drawn = []
        for place in range(self.n_samples):
            people.draw(self._shared(place, directions))
            drawn.append((people.rows.copy(), np.sqrt(people.precisions), people.cutpoints.copy()))
        self.user_samples, self.roots, self.cutpoints = (
            np.stack(each, axis=1).astype(np.float32) for each in zip(*drawn, strict=True)
        )

    def _shared(self, place: int, directions: FloatArray) -> Shared:
        means = self.user_prior_means[place] + directions @ self.user_coefficients[place]
        return Shared(
            items=np.ascontiguousarray(self.item_samples[:, place]),
            prior_means=means,
            prior_precision=self.user_prior_precisions[place].astype(np.float64),
            noise=float(self.noise_means[place]),
            cutpoints=self.cutpoint_means[place].astype(np.float64),
            cutpoint_precisions=self.cutpoint_precisions[place],
        )

    def _directions(
        self, ratings: sparse.csr_array, features: sparse.csr_array | None
    ) -> FloatArray:
        """The people's features in the coordinates of the prior, (n_people, n_directions)."""
        return np.zeros((ratings.shape[0], 0), dtype=np.float32)

    @property
    def _noise_shape(self) -> float | None:
        """Shape of the prior of each user's noise; none if all have the same."""
        return None

    @property
    def _own_cutpoints(self) -> bool:
        return False
