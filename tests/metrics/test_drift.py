from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import jensenshannon

from fivestar.metrics.drift import (
    Clustered,
    Estimate,
    UserSamples,
    compare_means,
    jensen_shannon,
    total_variation,
)

OPTIONS = {"confidence": 0.95, "n_resamples": 999, "seed": 0}


def test_distances_of_counts_are_those_of_their_shares() -> None:
    assert total_variation([8, 2], [1, 1]) == pytest.approx(0.3)
    assert total_variation([3, 1], [6, 2]) == 0
    assert jensen_shannon([1, 0], [0, 5]) == pytest.approx(1)
    p, q = [5, 3, 0, 2], [1, 1, 1, 7]
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2))
    with pytest.raises(ValueError, match="no ratings"):
        total_variation([0, 0], [1, 1])


def test_samples_are_of_one_user_each_without_repeating_a_rating() -> None:
    counts = np.array([1, 3, 6])
    matrix = sparse.csr_array(np.array([[1, 0, 0, 0, 0, 0], [2, 2, 2, 0, 0, 0], [3] * 6]))
    assert np.diff(matrix.indptr).tolist() == counts.tolist()
    samples = list(UserSamples(matrix, np.array([4, 2]), seed=0).draw(50))
    firsts = set()
    for items, values in samples:
        assert (values[:4] == 3).all()  # the only user with four
        assert len(set(items[:4])) == 4
        assert set(values[4:]) <= {2, 3}
        assert len(set(values[4:])) == 1
        assert len(set(items[4:])) == 2
        firsts.add(int(items[0]))
    assert firsts == set(range(6))
    (items, _), *_ = UserSamples(matrix, np.array([9]), seed=0).draw(1)
    assert sorted(items) == list(range(6))  # nobody has nine: the one with the most, once


def clustered(n_users: int, rng: np.random.Generator, more: float) -> Clustered:
    users = np.repeat(np.arange(n_users), 20)
    own = rng.normal(0, 0.3, n_users)[users]
    return Clustered(users, (own + more + rng.normal(0, 1, users.size))[:, None])


def test_equal_means_are_told_apart_in_5_percent_of_trials_and_others_nearly_always() -> None:
    rng = np.random.default_rng(0)
    missed, found = 0, 0
    for trial in range(200):
        earlier, same, more = (clustered(80, rng, mean) for mean in (0, 0, 0.3))
        options = {**OPTIONS, "seed": trial}
        (equal,) = compare_means(same, earlier, **options)
        (other,) = compare_means(more, earlier, **options)
        missed += not equal.low <= 0 <= equal.high
        found += other.low > 0
    assert 2 <= missed <= 20
    assert found >= 190


def test_users_in_both_sets_make_the_comparison_sharper() -> None:
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(60), 10)
    own = rng.normal(0, 1, 60)[users]
    parts = [Clustered(users, (own + rng.normal(0, 0.1, 600))[:, None]) for _ in range(2)]
    apart = Clustered(users + 60, parts[0].values)
    (same,) = compare_means(*parts, **OPTIONS)
    (other,) = compare_means(apart, parts[1], **OPTIONS)
    assert same.high - same.low < 0.2 * (other.high - other.low)


def test_means_are_those_of_all_ratings_of_each_set() -> None:
    new = Clustered(np.array([0, 0, 1]), np.array([[1.0, 4.0], [2.0, 4.0], [6.0, 1.0]]))
    earlier = Clustered(np.array([1, 2]), np.array([[1.0, 9.0], [2.0, 16.0]]))
    first, second = compare_means(new, earlier, **OPTIONS)
    assert (first.value, first.reference, first.drift) == (3, 1.5, 1.5)
    assert (second.value, second.reference) == (3, 12.5)
    roots = compare_means(new, earlier, **OPTIONS, of_means=np.sqrt)
    assert roots[0].value == pytest.approx(np.sqrt(3))
    assert roots[1].reference == pytest.approx(np.sqrt(12.5))


def test_few_users_have_no_interval() -> None:
    rng = np.random.default_rng(0)
    (found,) = compare_means(clustered(3, rng, 5), clustered(3, rng, 0), **OPTIONS)
    assert np.isnan(found.low)
    assert np.isnan(found.size.low)


def test_the_size_of_a_difference_leaves_its_direction_out() -> None:
    assert Estimate(1, 3, -3, -1).size[2:] == (1, 3)
    assert Estimate(3, 1, 1, 3).size[2:] == (1, 3)
    assert Estimate(1, 1, -2, 1).size[2:] == (0, 2)
