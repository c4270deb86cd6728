"""Small generated files in the format of the course's Amazon books."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TRAINING = "MATH_Final_Project_Data_training.csv"
TEST_FEATURES = "MATH_Final_Project_Data_test_features.csv"


def write_course_data(
    folder: Path, seed: int = 0, n_users: int = 60, n_books: int = 40
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the two CSV files and return them: training with ratings, test without.

    Users and books follow a low-rank taste; about 60 % of the ratings are 5 stars; two thirds of
    the pairs are rated, one in ten of these is a test pair. IDs are unordered integers; some
    ASINs begin with zeros, some with a letter.
    """
    rng = np.random.default_rng(seed)
    users = np.array(["A3NDST1X8JVAP7", *_ids(rng, "A", 13, n_users - 1)])
    n_digits = n_books // 2
    digits = [f"{number:010d}" for number in rng.choice(10**9, n_digits - 1, replace=False)]
    books = np.array(
        ["0373778295", *digits, "B00APSWJM4", *_ids(rng, "B00", 7, n_books - n_digits - 1)]
    )
    taste = (
        rng.normal(0, 0.4, (n_users, 1))
        + rng.normal(0, 0.4, (1, n_books))
        + rng.normal(0, 0.5, (n_users, 2)) @ rng.normal(0, 0.5, (2, n_books))
        + rng.normal(0, 0.6, (n_users, n_books))
    )
    stars = 1 + np.searchsorted(np.quantile(taste, [0.02, 0.06, 0.16, 0.4]), taste)
    rows, columns = np.nonzero(rng.random(taste.shape) < 2 / 3)
    order = rng.permutation(len(rows))
    rows, columns = rows[order], columns[order]
    table = pd.DataFrame(
        {
            "ID": rng.choice(10 * len(rows), len(rows), replace=False),
            "User": users[rows],
            "ASIN": books[columns],
            "Rating": stars[rows, columns],
        }
    )
    n_test = len(table) // 10
    training, test = table[n_test:], table[:n_test].drop(columns="Rating")
    folder.mkdir(parents=True, exist_ok=True)
    training.to_csv(folder / TRAINING, index=False)
    test.to_csv(folder / TEST_FEATURES, index=False)
    return training.reset_index(drop=True), test


def _ids(rng: np.random.Generator, start: str, length: int, n: int) -> list[str]:
    signs = np.array(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return [start + "".join(rng.choice(signs, length)) for _ in range(n)]
