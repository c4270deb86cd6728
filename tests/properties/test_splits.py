"""Whatever the ratings are: a split is a partition of them, or is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fivestar.errors import InputError
from fivestar.pipelines.splitting.methods import hold_out
from fivestar.pipelines.splitting.nodes import split

from ..pipelines.test_splitting import METHODS, NO_PAIRS, settings
from .tables import PROFILE, ratings

shares = st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.9])


@PROFILE
@given(table=ratings(controls=True), method=st.sampled_from(METHODS), share=shares)
def test_every_row_is_either_kept_or_held_out(
    table: pd.DataFrame, method: str, share: float
) -> None:
    rows = np.arange(len(table))
    kept, held_out = hold_out(table, rows, share, settings(method=method))
    assert sorted([*kept, *held_out]) == rows.tolist()


@PROFILE
@given(
    table=ratings(controls=True, min_rows=8),
    method=st.sampled_from(METHODS),
    test_share=shares,
    validation_share=shares,
)
def test_train_validation_and_test_are_a_partition(
    table: pd.DataFrame, method: str, test_share: float, validation_share: float
) -> None:
    wanted = settings(method=method, test_share=test_share, validation_share=validation_share)
    try:
        parts = split(table, NO_PAIRS, wanted)
    except InputError:  # a part would be empty
        return
    columns = ["user", "item", "rating", "timestamp"]
    together = pd.concat([part[columns].astype({"user": "str", "item": "str"}) for part in parts])
    pd.testing.assert_frame_equal(
        together.sort_values(["user", "item"], ignore_index=True),
        table.sort_values(["user", "item"], ignore_index=True),
    )
    assert parts[2]["id"].tolist() == list(range(len(parts[2])))


@PROFILE
@given(table=ratings(), method=st.sampled_from(METHODS))
def test_a_split_is_the_same_when_it_is_made_again(table: pd.DataFrame, method: str) -> None:
    once, again = (
        hold_out(table, np.arange(len(table)), 0.3, settings(method=method)) for _ in range(2)
    )
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first, second)
