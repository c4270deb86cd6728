from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic import (
    HIGHEST,
    LEAST,
    LOWEST,
    MOST,
    STEP,
    generate,
    usual_shape,
    write_csv,
)

N_RATINGS, SHAPE = 60_000, (700, 900)


def test_no_user_rates_an_item_twice_and_there_are_as_many_ratings_as_asked_for() -> None:
    ratings = generate(N_RATINGS, SHAPE)
    pairs = ratings.users.astype(np.int64) * SHAPE[1] + ratings.items
    assert len(np.unique(pairs)) == N_RATINGS
    counts = np.bincount(ratings.users, minlength=SHAPE[0])
    assert counts.min() >= LEAST
    assert counts.max() <= SHAPE[1] * MOST
    assert ratings.items.max() < SHAPE[1]


def test_ratings_are_half_stars_on_the_scale_and_popularity_is_skewed() -> None:
    ratings = generate(N_RATINGS, SHAPE)
    assert set(np.unique(ratings.values)) == set(np.arange(LOWEST, HIGHEST + STEP, STEP))
    assert 0.9 < ratings.values.std() < 1.2
    counts = np.sort(np.bincount(ratings.items))[::-1]
    assert counts[: SHAPE[1] // 10].sum() > 0.3 * N_RATINGS


def test_biases_and_factors_are_planted() -> None:
    ratings = generate(N_RATINGS, SHAPE)
    sums, counts = (np.bincount(ratings.items, weights) for weights in (ratings.values, None))
    often = counts > 100
    between = (sums[often] / counts[often]).std()
    assert between > 3 * ratings.values.std() / np.sqrt(counts[often].mean())


def test_the_same_seed_gives_the_same_ratings() -> None:
    first, again, other = (generate(5_000, (200, 300), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first[:3], again[:3], strict=True))
    assert not np.array_equal(first.items, other.items)


def test_usual_shapes_are_those_of_movielens_and_lie_between_them() -> None:
    assert usual_shape(1_000_000) == (6_040, 3_706)
    n_users, n_items = usual_shape(3_000_000)
    assert 6_040 < n_users < 69_878
    assert 3_706 < n_items < 10_677


def test_more_ratings_than_users_may_give_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot rate"):
        generate(10_000, (10, 100))


def test_csv_has_the_columns_of_movielens_and_the_same_ratings(tmp_path: Path) -> None:
    ratings = generate(5_000, (200, 300))
    write_csv(ratings, tmp_path)
    table = pd.read_csv(tmp_path / "ratings.csv")
    assert list(table) == ["userId", "movieId", "rating", "timestamp"]
    assert table["userId"].is_monotonic_increasing
    given = pd.Series(ratings.values, index=[ratings.users + 1, ratings.items + 1]).sort_index()
    read = table.set_index(["userId", "movieId"])["rating"].sort_index()
    np.testing.assert_array_equal(read, given)
    assert list(pd.read_csv(tmp_path / "movies.csv")) == ["movieId", "title", "genres"]
