"""Intervals hold the share of the ratings that they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from fivestar.metrics import calibration
from fivestar.metrics.calibration import coverage, coverages, randomised_pit
from fivestar.ratings import Indices


def test_pit_of_true_probabilities_is_uniform_and_of_sure_ones_is_not() -> None:
    rng = np.random.default_rng(0)
    stars = np.arange(1, 6)
    probabilities = rng.dirichlet(np.ones(5), 4000)
    actual = np.array([rng.choice(stars, p=row) for row in probabilities])
    pit = randomised_pit(probabilities, actual, stars, rng)
    assert stats.kstest(pit, "uniform").pvalue > 0.01
    assert coverage(pit, 0.9) == pytest.approx(0.9, abs=0.02)
    sure = probabilities**4 / (probabilities**4).sum(1, keepdims=True)
    assert coverage(randomised_pit(sure, actual, stars, rng), 0.9) < 0.8


def test_pit_of_a_rating_between_two_stars() -> None:
    pit = randomised_pit(np.array([[0.25, 0.75]]), [1.5], [1, 2], np.random.default_rng(0))
    assert pit == pytest.approx(0.25)


def test_pit_is_the_probability_below_and_a_random_part_of_that_of_the_rating_itself() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]])
    given, levels = [2, 1, 3], [1, 2, 3]
    parts = np.random.default_rng(5).random(3)
    pit = randomised_pit(probabilities, given, levels, np.random.default_rng(5))
    expected = [0.1 + 0.2 * parts[0], 0.5 * parts[1], 0.5 + 0.5 * parts[2]]
    np.testing.assert_allclose(pit, expected, rtol=1e-12)


def test_a_rating_read_as_float32_is_still_its_level() -> None:
    for given in (np.float32(3.7), np.float32(0.1), np.float32(370.1)):
        levels = [float(np.round(given, 1)) - 0.05, float(np.round(float(given), 1))]
        random = np.random.default_rng(0)
        pit = randomised_pit(np.array([[0.25, 0.75]]), [given], levels, random)
        assert 0.25 < pit[0] < 1
    # A tenth of a thousandth away is no rounding: it lies between the levels.
    for given in (1.0001, 0.9999):
        first = randomised_pit(
            np.array([[0.25, 0.75]]), [given], [1.0, 2.0], np.random.default_rng(0)
        )
        assert first[0] == (0.25 if given > 1 else 0)


def test_probabilities_that_sum_to_more_than_one_by_rounding_give_no_more() -> None:
    pit = randomised_pit(np.array([[0.5, 0.9]]), [2], [1, 2], np.random.default_rng(1))
    assert pit[0] == min(1, 0.5 + 0.9 * np.random.default_rng(1).random())
    assert 0 <= randomised_pit(np.array([[-0.5, 1.5]]), [1], [1, 2], np.random.default_rng(1)) <= 1


def test_an_interval_has_both_its_ends() -> None:
    pit = np.array([0.05, 0.95, 0.5, 0.04, 0.96])
    assert coverage(pit, 0.9) == pytest.approx(3 / 5)
    assert coverage(np.array([0.25, 0.75, 0.2]), 0.5) == pytest.approx(2 / 3)


class Planted:
    """Of pair (u, i) the first rating is given with probability (u + i) / 100."""

    ratings = np.array([1.0, 2.0])

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        first = ((users + items) / 100).astype(np.float32)
        return np.column_stack([first, 1 - first])


def test_coverages_are_of_all_levels_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    users, items = rng.integers(0, 50, (2, 700))
    actual = np.where(rng.random(700) < (users + items) / 100, 1.0, 2.0)
    whole = coverages(Planted(), users, items, actual)
    assert list(whole) == ["coverage_50", "coverage_80", "coverage_90", "coverage_95"]
    pit = randomised_pit(
        Planted().probabilities(users, items), actual, [1, 2], np.random.default_rng(0)
    )
    for name, level in zip(whole, (0.5, 0.8, 0.9, 0.95), strict=True):
        assert whole[name] == coverage(pit, level) == pytest.approx(level, abs=0.05)
    monkeypatch.setattr(calibration, "BLOCK", 64)
    assert coverages(Planted(), users, items, actual) == whole
