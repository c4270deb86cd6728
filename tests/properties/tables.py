"""Ratings tables as people might have them: strange ids, few rows, one user, one rating."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from scipy import sparse

from fivestar.ratings import Features, Scale, TrainingData, Vocabulary

settings.register_profile(
    "tables",
    derandomize=True,  # the same tables everywhere; HYPOTHESIS_SEARCH=1 looks for others
    deadline=None,
    database=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "search", settings.get_profile("tables"), derandomize=False, max_examples=1000
)
PROFILE = settings.get_profile("search" if os.environ.get("HYPOTHESIS_SEARCH") else "tables")

LIKE_NUMBERS = ["7", "07", "007", "7.0", "1e5", "-0", "+7", "0x1F", "1_000", "inf", "9" * 30]
LIKE_NOTHING = ["NaN", "nan", "None", "null", "NULL", "NA", "N/A", "<NA>", "NaT", "True", "#N/A"]
WITH_SPACES = [" a", "a ", " 7", "a b"]
WITH_MARKS = ["a,b", 'a"b', '"', "'", "a;b", "a\\b", "-", "=1+1"]
OTHERS = ["x" * 5000, "é", "e\u0301", "名前", "🎬", "\u202eabc", "ß", "SS", "ss"]


def ids(*, controls: bool = False) -> st.SearchStrategy[str]:
    """Any text but blank one.

    Parameters
    ----------
    controls
        Whether there may be control characters: line breaks, separators. A file has none of them.
    """
    letters = st.characters(exclude_categories=["Cs"] if controls else ["Cs", "Cc"])
    text = st.text(letters, min_size=1, max_size=6)
    chosen = st.sampled_from([*LIKE_NUMBERS, *LIKE_NOTHING, *WITH_SPACES, *WITH_MARKS, *OTHERS])
    return (chosen | text).filter(lambda one: one.strip() != "")


def scales() -> st.SearchStrategy[Scale]:
    """One to five stars, or any other two ends, with zero and fractions among them."""
    ends = st.sampled_from([(1, 5), (0.5, 5), (0, 10), (-3, 3), (0, 1), (1, 100)])
    return ends.map(lambda pair: Scale(*pair))


@st.composite
def ratings(draw: st.DrawFn, *, controls: bool = False, min_rows: int = 1) -> pd.DataFrame:
    """One rating a pair, ``user,item,rating,timestamp``; ``attrs['scale']`` has the scale.

    Often there is one user or one item alone, and often all ratings are the same.
    """
    of = ids(controls=controls)
    n_users, n_items = draw(st.sampled_from([(1, 12), (12, 1), (4, 4), (8, 6)]))
    fewest = 1 if min_rows == 1 else None
    users = draw(st.lists(of, min_size=fewest or n_users, max_size=n_users, unique=True))
    items = draw(st.lists(of, min_size=fewest or n_items, max_size=n_items, unique=True))
    scale = draw(scales())
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(len(users) * len(items))
    n_rows = max(draw(st.integers(1, len(pairs))), min(min_rows, len(pairs)))
    at_users, at_items = np.divmod(pairs[:n_rows], len(items))
    stars = rng.uniform(scale.lowest, scale.highest, n_rows).round(1)
    if draw(st.booleans()):
        stars[:] = draw(st.sampled_from([scale.lowest, scale.highest, stars[0]]))
    table = pd.DataFrame(
        {
            "user": pd.Series([users[at] for at in at_users], dtype="str"),
            "item": pd.Series([items[at] for at in at_items], dtype="str"),
            "rating": stars.clip(scale.lowest, scale.highest),
            "timestamp": rng.integers(0, 10**9, n_rows),
        }
    )
    table.attrs["scale"] = scale
    return table


def training_data(table: pd.DataFrame, validation_share: float = 0.3) -> TrainingData:
    """The first rows are train, the others validation."""
    n_train = max(1, int(len(table) * (1 - validation_share)))
    ids_of = Vocabulary.of([table])
    no_features = Features(*(_empty(n) for n in ids_of.shape))
    return TrainingData(
        ids_of.matrix(table.iloc[:n_train]),
        ids_of.matrix(table.iloc[n_train:]),
        ids_of,
        no_features,
        table.attrs["scale"],
    )


def _empty(n_rows: int) -> sparse.csr_array:
    """(n_rows, 0) features."""
    return sparse.csr_array((n_rows, 0), dtype=np.float32)
