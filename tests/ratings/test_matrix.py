"""Ids and indices, and sparse scores in which a rating of 0 is a rating."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fivestar.ratings import Scale, Vocabulary, csr_matrix, merge, observed
from fivestar.ratings.sparse import observed_at, observed_in_blocks, row_sums, without_items


def table(*pairs: str) -> pd.DataFrame:
    rows = [pair.split() for pair in pairs]
    return pd.DataFrame(rows, columns=["user", "item"], dtype="str")


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of([table("b 10", "a 9"), table("b 9", "\u00e9 0373778295")])


def test_ids_of_all_tables_are_sorted_as_text(vocabulary: Vocabulary) -> None:
    assert vocabulary.users.tolist() == ["a", "b", "\u00e9"]
    assert vocabulary.items.tolist() == ["0373778295", "10", "9"]
    assert vocabulary.shape == (3, 3)


def test_indices_lead_back_to_ids_and_unknown_ids_have_none(vocabulary: Vocabulary) -> None:
    users, items = vocabulary.indices(table("b 9", "z 10", "a 373778295"))
    assert users.tolist() == [1, -1, 0]
    assert items.tolist() == [2, 1, -1]


def test_vocabulary_survives_json(vocabulary: Vocabulary) -> None:
    again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert again.users.equals(vocabulary.users)
    assert again.items.equals(vocabulary.items)
    assert again.indices(table("b 9"))[0].tolist() == [1]


def test_matrix_has_scores_at_indices(vocabulary: Vocabulary) -> None:
    matrix = vocabulary.matrix(table("b 10", "a 9").assign(rating=[4.5, 0.0]))
    assert matrix.toarray().tolist() == [[0, 0, 0], [0, 4.5, 0], [0, 0, 0]]
    assert matrix.nnz == 2


def test_csr_matrix_sorts_columns_and_keeps_every_entry() -> None:
    matrix = csr_matrix(np.array([1, 0, 1]), np.array([2, 0, 0]), np.array([3, 0, 5.0]), (2, 3))
    assert matrix.dtype == np.float32
    assert matrix.indices.tolist() == [0, 0, 2]
    assert matrix.data.tolist() == [0, 5, 3]
    assert matrix.has_sorted_indices


def test_csr_matrix_of_nothing_is_empty() -> None:
    nothing = np.array([], dtype=np.intp)
    matrix = csr_matrix(nothing, nothing, np.array([]), (2, 3))
    assert matrix.shape == (2, 3)
    assert matrix.nnz == 0


def test_pair_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="more than once"):
        csr_matrix(np.array([0, 0]), np.array([1, 1]), np.array([3.0, 0.0]), (1, 2))


@pytest.mark.parametrize("index", [-1, 2])
def test_pair_outside_the_matrix_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        csr_matrix(np.array([index]), np.array([0]), np.array([3.0]), (2, 2))


def test_observed_gives_back_what_was_put_in() -> None:
    users, items, ratings = np.array([0, 0, 2]), np.array([0, 2, 1]), np.array([1.0, 0.0, 5.0])
    again = observed(csr_matrix(users, items, ratings, (3, 3)))
    for given, wanted in zip(again, (users, items, ratings), strict=True):
        np.testing.assert_array_equal(given, wanted)


def test_entries_are_found_by_their_places() -> None:
    users, items = np.array([0, 0, 2, 2, 4]), np.array([0, 1, 0, 1, 1])
    ratings = np.array([1.0, 0.0, 5.0, 4.0, 2.0])
    places = np.array([4, 0, 2, 1, 3])
    found = observed_at(csr_matrix(users, items, ratings, (6, 2)), places)
    for given, wanted in zip(found, (users, items, ratings), strict=True):
        np.testing.assert_array_equal(given, wanted[places])


@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
def test_blocks_hold_every_entry_once_and_in_order(size: int) -> None:
    users, items = np.array([0, 0, 2, 2, 4]), np.array([0, 1, 0, 1, 1])
    ratings = np.array([1.0, 0.0, 5.0, 4.0, 2.0])
    matrix = csr_matrix(users, items, ratings, (6, 2))
    blocks = list(observed_in_blocks(matrix, size))
    assert [block.stop - block.start for block, *_ in blocks][:-1] == [size] * (len(blocks) - 1)
    for block, *entries in blocks:
        for entry, whole in zip(entries, (users, items, ratings), strict=True):
            np.testing.assert_array_equal(entry, whole[block])
    assert sum(len(found) for _, found, *_ in blocks) == 5


def test_without_items_keeps_shape_values_and_their_type() -> None:
    numbers = np.array([2**40, 3, 0])
    matrix = csr_matrix(np.array([0, 0, 1]), np.array([0, 2, 1]), numbers, (2, 3), np.int64)
    left = without_items(matrix, np.array([2]))
    assert left.toarray().tolist() == [[2**40, 0, 0], [0, 0, 0]]
    assert left.nnz == 2
    assert left.dtype == np.int64


def test_row_sums_count_entries_or_add_up_their_weights() -> None:
    matrix = csr_matrix(np.array([0, 0, 2]), np.array([0, 1, 1]), np.zeros(3), (3, 2))
    weights = csr_matrix(np.array([0, 0, 2]), np.array([0, 1, 1]), np.array([0.5, 2, 3]), (3, 2))
    assert row_sums(matrix).tolist() == [2, 0, 1]
    assert row_sums(matrix, weights).tolist() == [2.5, 0, 3]


def test_merge_keeps_zeros_of_both_parts() -> None:
    first = csr_matrix(np.array([0, 1]), np.array([0, 1]), np.array([0.0, 2.0]), (2, 2))
    second = csr_matrix(np.array([0, 1]), np.array([1, 0]), np.array([0.0, 4.0]), (2, 2))
    merged = merge(first, second)
    assert merged.nnz == 4
    assert merged.toarray().tolist() == [[0, 0], [4, 2]]


def test_merge_refuses_parts_that_share_a_pair() -> None:
    part = csr_matrix(np.array([0]), np.array([0]), np.array([3.0]), (1, 1))
    with pytest.raises(ValueError, match="more than once"):
        merge(part, part)


@pytest.mark.parametrize(("lowest", "highest"), [(5, 1), (3, 3)])
def test_scale_runs_upwards(lowest: float, highest: float) -> None:
    with pytest.raises(ValueError, match="must lie below"):
        Scale(lowest, highest)


@pytest.mark.parametrize("end", ["5", float("inf"), float("nan"), None])
def test_ends_of_a_scale_are_finite_numbers(end: object) -> None:
    for name, ends in (("lowest", (end, 5)), ("highest", (1, end))):
        with pytest.raises(ValueError, match=f"{name} of the scale is .*: it should be a finite"):
            Scale(*ends)  # type: ignore[arg-type]
