"""Ratings shaped like MovieLens, of any size, so that everybody can make every large figure.

    python benchmarks/synthetic.py N_RATINGS [--users N] [--items N] [--seed 0] --csv FOLDER
    python benchmarks/synthetic.py N_RATINGS [--users N] [--items N] [--seed 0] --npz FILE

``--csv data/01_raw/ml-20m`` writes ratings.csv and movies.csv in MovieLens' columns, which
``kedro run --env ml-20m`` reads; ``--npz`` writes arrays ``user``, ``item`` and ``rating``.
Without numbers of users and items there are as many as in MovieLens of about that size.

What is planted: 10 factors, a bias of every user and item, and Gaussian noise of .8 stars, rounded
to half stars from .5 to 5; no model can have an RMSE much below .8. Users' numbers of ratings are
log-normal with 20 at the least, items' popularity is a shifted power law, and no user rates an
item twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOVIELENS = {100_000: (943, 1_682), 1_000_000: (6_040, 3_706), 10_000_000: (69_878, 10_677)}
MOVIELENS |= {20_000_000: (138_493, 26_744)}
"""Users and items of MovieLens 100K, 1M, 10M and 20M by number of ratings."""
LEAST = 20
"""Ratings of a user at the least, where there are enough."""
MOST = 1 / 4
"""Share of the items that a user rates at the most."""
BUSY = 1 / 40
"""Share of the items that a user has rated who takes less time to draw in another way."""
ACTIVITY = 1.1
"""Standard deviation of the logarithm of a user's number of ratings."""
POPULARITY, SHIFT = -1.1, 20
"""The item of rank j is rated with a probability in proportion to (j + SHIFT) ** POPULARITY."""
N_FACTORS, FACTOR = 10, 0.45
"""Planted factors, and the standard deviation of each of their numbers."""
MEAN, USER_BIAS, ITEM_BIAS, NOISE = 3.5, 0.4, 0.5, 0.8
"""Of a rating before it is rounded: its mean, and standard deviations of its parts, in stars."""
STEP, LOWEST, HIGHEST = 0.5, 0.5, 5.0
"""Of the stars."""
BLOCK = 1 << 20
"""Ratings made at a time."""
FIRST_TIME, LAST_TIME = 1_000_000_000, 1_420_000_000
"""Of the timestamps, seconds: uniform between, they tell nothing."""


class Ratings(NamedTuple):
    """Pairs in random order, each once; indices of users and items from 0."""

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    shape: tuple[int, int]
    """Numbers of users and items."""


def generate(n_ratings: int, shape: tuple[int, int] | None = None, seed: int = 0) -> Ratings:
    """Exactly so many ratings; the same seed gives the same ones.

    Raises
    ------
    ValueError
        If the users cannot rate so many items.
    """
    n_users, n_items = shape or usual_shape(n_ratings)
    random = np.random.default_rng(seed)
    keys = random.permutation(_pairs(n_ratings, n_users, n_items, random))
    users, items = (each.astype(np.int32) for each in np.divmod(keys, n_items))
    user_factors, item_factors = (
        random.normal(0, FACTOR, (n, N_FACTORS)).astype(np.float32) for n in (n_users, n_items)
    )
    user_bias = random.normal(0, USER_BIAS, n_users).astype(np.float32)
    item_bias = random.normal(0, ITEM_BIAS, n_items).astype(np.float32)
    values = np.empty(n_ratings, dtype=np.float32)
    for start in range(0, n_ratings, BLOCK):
        u, i = users[start : start + BLOCK], items[start : start + BLOCK]
        stars = np.einsum("ij,ij->i", user_factors[u], item_factors[i])
        stars += MEAN + user_bias[u] + item_bias[i] + random.normal(0, NOISE, len(u))
        values[start : start + BLOCK] = np.clip(np.rint(stars / STEP) * STEP, LOWEST, HIGHEST)
    return Ratings(users, items, values, (n_users, n_items))


def usual_shape(n_ratings: int) -> tuple[int, int]:
    """Users and items of MovieLens of that size; between two sizes, and beyond, by power laws."""
    sizes = np.log(list(MOVIELENS))
    place = int(np.clip(np.searchsorted(sizes, np.log(n_ratings)), 1, len(sizes) - 1))
    share = (np.log(n_ratings) - sizes[place - 1]) / (sizes[place] - sizes[place - 1])
    smaller, larger = np.log(list(MOVIELENS.values()))[place - 1 : place + 1]
    n_users, n_items = np.rint(np.exp(smaller + share * (larger - smaller))).astype(int)
    return int(n_users), int(n_items)


def _pairs(
    n_ratings: int, n_users: int, n_items: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Different user * n_items + item; each user draws items by popularity without replacement."""
    counts = _counts(n_ratings, n_users, int(n_items * MOST), random)
    popularity = random.permutation((np.arange(n_items) + SHIFT) ** POPULARITY)
    busy = counts > n_items * BUSY
    few = _by_rejection(np.where(busy, 0, counts), popularity, random)
    many = [
        user * n_items + _by_race(counts[user], popularity, random)
        for user in np.flatnonzero(busy).tolist()
    ]
    return np.concatenate([few, *many])


def _by_race(
    count: int, popularity: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """The first items to arrive, each after an exponential time of its popularity's rate."""
    times = random.standard_exponential(len(popularity)) / popularity
    return np.argpartition(times, count)[:count]


def _by_rejection(
    missing: NDArray[np.int64], popularity: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """The same in less time where few items are drawn: what was drawn before is drawn again."""
    n_users, n_items = len(missing), len(popularity)
    ends = np.cumsum(popularity / popularity.sum())
    keys, wanted = np.empty(0, dtype=np.int64), missing
    while missing.any():
        users = np.repeat(np.arange(n_users), missing)
        items = np.searchsorted(ends, random.random(len(users)), side="right")
        drawn = np.unique(users * n_items + np.minimum(items, n_items - 1))
        places = np.searchsorted(keys, drawn)
        known = places < len(keys)
        known[known] = keys[places[known]] == drawn[known]
        keys = np.concatenate([keys, drawn[~known]])
        keys.sort(kind="stable")  # of two sorted parts, so it only merges
        missing = wanted - np.bincount(keys // n_items, minlength=n_users)
    return keys


def _counts(
    n_ratings: int, n_users: int, most: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """(n_users,) numbers of ratings."""
    if n_ratings > n_users * most:
        raise ValueError(f"{n_users} users cannot rate {n_ratings} times, {most} items each")
    activity = random.lognormal(0, ACTIVITY, n_users)
    least = min(LEAST, n_ratings // n_users)
    counts = np.full(n_users, least)
    while left := n_ratings - counts.sum():
        share = activity * (counts < most)
        counts = np.minimum(counts + random.multinomial(left, share / share.sum()), most)
    return counts


def write_csv(ratings: Ratings, folder: Path, seed: int = 0) -> None:
    """MovieLens' ratings.csv, sorted by user as theirs, and movies.csv."""
    import pyarrow as pa  # not needed by those who take arrays
    from pyarrow import csv

    folder.mkdir(parents=True, exist_ok=True)
    order = np.argsort(ratings.users, kind="stable")
    times = np.random.default_rng(seed).integers(FIRST_TIME, LAST_TIME, len(order))
    table = {
        "userId": ratings.users[order] + 1,
        "movieId": ratings.items[order] + 1,
        "rating": ratings.values[order].astype(np.float64),
        "timestamp": times,
    }
    numbers = range(1, ratings.shape[1] + 1)
    titles = [f"Title {number} ({1930 + number % 80})" for number in numbers]
    genres = ["Drama|Comedy"] * len(titles)
    movies = {"movieId": list(numbers), "title": titles, "genres": genres}
    for name, columns in (("ratings.csv", table), ("movies.csv", movies)):
        csv.write_csv(pa.table(columns), folder / name, csv.WriteOptions(quoting_style="none"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_ratings", type=int)
    parser.add_argument("--users", type=int)
    parser.add_argument("--items", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, metavar="FOLDER")
    parser.add_argument("--npz", type=Path, metavar="FILE")
    options = parser.parse_args()
    n_users, n_items = usual_shape(options.n_ratings)
    shape = options.users or n_users, options.items or n_items
    ratings = generate(options.n_ratings, shape, options.seed)
    print(f"{len(ratings.values):,} ratings by {shape[0]:,} users of {shape[1]:,} items")
    if options.csv:
        write_csv(ratings, options.csv, options.seed)
    if options.npz:
        np.savez(options.npz, user=ratings.users, item=ratings.items, rating=ratings.values)


if __name__ == "__main__":
    main()
