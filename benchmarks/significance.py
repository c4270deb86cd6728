"""How well the tests of the differences between models hold what they say, on planted data.

    python benchmarks/significance.py [--trials 4000]

Printed are tables for docs/significance.md: how often each method calls two equal models different
at 5 %, how often the interval of an RMSE misses the true one, how often a real difference is found
among 20,000 ratings, and the level of the t-test over folds. Reads no data.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fivestar.metrics.significance import (
    corrected_t_test,
    difference,
    half_samples,
    interval,
    p_value,
)

FloatArray = NDArray[np.float64]

RMSE, LEVEL = 0.9, 0.05
BATCH = 100
"""Trials that share users' numbers of ratings, and resamples."""
RESAMPLES = 1999
NOISE, SHARED, OWN = 0.2, 0.0125, 0.07
"""Spread of users' noise (of its logarithm), and users' shares of the variance of the error that
models share and of what each adds: as on fold 1 of MovieLens 100K, .18 to .2, .01, .01 to .09."""


@dataclass(frozen=True)
class Planted:
    """Two models with an RMSE of 0.9, or 0.9 and 0.9 + more, tested by the same users.

    Parameters
    ----------
    correlation
        Of the errors of both: .990 of als and gradient_descent, .975 of bayesian_mf and
        autoencoder.
    spread
        How far users differ in how much each model adds (of its logarithm): models that suit
        different users.
    even
        Whether users have the same number of ratings.
    """

    n_users: int
    n_ratings: int
    correlation: float = 0.98
    more: float = 0.0
    spread: tuple[float, float] = (0.0, 0.0)
    even: bool = False

    def sizes(self, rng: np.random.Generator) -> FloatArray:
        """Ratings of each user: 44 with a standard deviation of 44, of 459 users and 20,000."""
        sizes = np.ones(self.n_users) if self.even else rng.lognormal(0, 0.85, self.n_users)
        sizes = np.maximum(np.rint(sizes * self.n_ratings / sizes.sum()), 1)
        return sizes.astype(float)

    def draw(self, sizes: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Sums of squared errors of both models, (n_users, 2); their mean difference, its error.

        The standard error is that of ratings without users.
        """
        user = np.repeat(np.arange(len(sizes)), sizes.astype(int))
        noise = rng.lognormal(-(NOISE**2), NOISE, len(sizes))  # of mean square 1
        shared = np.sqrt(self.correlation) * clustered(user, SHARED, rng)
        errors = []
        for scale, spread in zip((RMSE, RMSE + self.more), self.spread, strict=True):
            width = rng.lognormal(-(spread**2), spread, len(sizes))
            own = width[user] * clustered(user, OWN, rng)
            errors.append(scale * noise[user] * (shared + np.sqrt(1 - self.correlation) * own))
        sums = np.column_stack([np.bincount(user, each**2) for each in errors])
        gaps = errors[0] ** 2 - errors[1] ** 2
        return sums, np.array([gaps.mean(), gaps.std() / np.sqrt(len(user))])


def clustered(user: NDArray[np.intp], share: float, rng: np.random.Generator) -> FloatArray:
    """Standard normal values, of whose variance the users have a share."""
    of_users = rng.normal(0, np.sqrt(share), user[-1] + 1)[user]
    return of_users + rng.normal(0, np.sqrt(1 - share), len(user))


def try_out(planted: Planted, n_trials: int) -> dict[str, float]:
    """In what fraction of the trials a method finds a difference, or the RMSE's interval misses."""
    rng = np.random.default_rng(0)
    found: list[list[bool]] = []
    for batch in range(n_trials // BATCH):
        sizes = planted.sizes(rng)
        drawn = [planted.draw(sizes, rng) for _ in range(BATCH)]
        sums = np.column_stack([each for each, _ in drawn])
        halves = half_samples(sums, sizes, RESAMPLES, batch)
        resampled = bootstrap(sums, sizes, rng)
        for trial, (own, naive) in enumerate(drawn):
            a, b = 2 * trial, 2 * trial + 1
            between = difference(halves, a, b)
            ends = interval(halves[:, :, a], 1 - LEVEL)
            gaps = np.quantile(resampled[:, a] - resampled[:, b], [LEVEL / 2, 1 - LEVEL / 2])
            found.append(
                [
                    p_value(between) <= LEVEL,
                    bool(gaps[0] > 0 or gaps[1] < 0),
                    cluster_t(own, sizes) <= LEVEL,
                    bool(2 * stats.norm.sf(abs(naive[0] / naive[1])) <= LEVEL),
                    not ends[0] <= RMSE <= ends[1],
                ]
            )
    names = ["halves", "percentile", "cluster t", "ratings", "RMSE missed"]
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def bootstrap(sums: FloatArray, sizes: FloatArray, rng: np.random.Generator) -> FloatArray:
    """RMSE of each model for users drawn with replacement, (RESAMPLES, n_models)."""
    n = len(sizes)
    counts = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    rmses: FloatArray = np.sqrt(counts @ sums / (counts @ sizes)[:, None])
    return rmses


def cluster_t(sums: FloatArray, sizes: FloatArray) -> float:
    """p-value of the t-test by the delta method, with standard errors clustered by user."""
    rmses = np.sqrt(sums.sum(axis=0) / sizes.sum())
    a, b = ((sums - rmses**2 * sizes[:, None]) / (2 * rmses * sizes.sum())).T
    n = len(sizes)
    error = np.sqrt(((a - b) ** 2).sum() * n / (n - 1))
    return float(2 * stats.t.sf(abs(rmses[0] - rmses[1]) / error, n - 1))


def folds(n_trials: int, n_folds: int) -> tuple[float, float]:
    """Levels over folds of the corrected t-test and the plain one.

    Two linear regressions on 10 of 20 predictors each, all of equal weight, on 300 rows.
    """
    rng = np.random.default_rng(0)
    corrected, plain = [], []
    for _ in range(n_trials):
        predictors, noise = rng.normal(size=(300, 20)), rng.normal(size=300)
        given = predictors.sum(axis=1) / 5 + noise
        parts = np.array_split(rng.permutation(300), n_folds)
        gaps = [
            fold_rmse(predictors[:, :10], given, part) - fold_rmse(predictors[:, 10:], given, part)
            for part in parts
        ]
        corrected.append(corrected_t_test(gaps, 1 / (n_folds - 1), 1 - LEVEL)[2] <= LEVEL)
        plain.append(stats.ttest_1samp(gaps, 0).pvalue <= LEVEL)
    return float(np.mean(corrected)), float(np.mean(plain))


def fold_rmse(predictors: FloatArray, given: FloatArray, part: NDArray[np.intp]) -> float:
    """Of least squares, fitted on all rows but those of the part."""
    train = np.setdiff1d(np.arange(len(given)), part)
    weights = np.linalg.lstsq(predictors[train], given[train])[0]
    return float(np.sqrt(np.mean((predictors[part] @ weights - given[part]) ** 2)))


def table(headings: list[str], rows: dict[str, list[float]]) -> None:
    """Markdown, in percent."""
    print("\n| | " + " | ".join(headings) + " |\n" + "|---" * (len(headings) + 1) + "|")
    for name, values in rows.items():
        cells = " | ".join(f"{100 * value:.1f}" for value in values)
        print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--trials", type=int, default=4000, help="of each line")
    n_trials: int = parser.parse_args().trials

    equal = {
        "459 users, 20,000 ratings": Planted(459, 20_000),
        "920 users, 10,000 ratings": Planted(920, 10_000),
        "20 users, 4,000 ratings": Planted(20, 4_000),
        "20 users of 200 ratings each": Planted(20, 4_000, even=True),
        "459 users, models that suit different ones": Planted(459, 20_000, spread=(0.5, 0.5)),
        "459 users, only one model that does": Planted(459, 20_000, spread=(0.0, 0.5)),
        "20 users, only one model that does": Planted(20, 4_000, spread=(0.0, 0.5)),
    }
    levels = {name: try_out(planted, n_trials) for name, planted in equal.items()}
    first = next(iter(levels.values()))
    table(list(first), {name: list(level.values()) for name, level in levels.items()})

    correlations = (0.97, 0.98, 0.99, 0.995)
    powers = {
        f"a difference of {more:g}": [
            try_out(Planted(459, 20_000, correlation, more), n_trials // 4)["halves"]
            for correlation in correlations
        ]
        for more in (0.0025, 0.005, 0.01)
    }
    table([f"correlation {correlation:g}" for correlation in correlations], powers)

    table(
        ["corrected", "plain"],
        {f"{n} folds": list(folds(n_trials, n)) for n in (5, 10)},
    )


if __name__ == "__main__":
    main()
