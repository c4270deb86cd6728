"""Measures of lists are those computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fivestar.metrics.ranking import (
    are_relevant,
    average_precision,
    coverage,
    item_popularity,
    measures,
    ndcg,
    novelty,
    precision,
    recall,
)
from fivestar.ratings import csr_matrix

HITS = np.array([[True, False, True], [False, False, True], [False, False, False]])
N_RELEVANT = np.array([2, 5, 1])


def test_measures_of_a_list_are_those_computed_by_hand() -> None:
    np.testing.assert_allclose(precision(HITS, np.array([3, 3, 3])), [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(recall(HITS, N_RELEVANT), [1, 1 / 5, 0])
    third = 1 / math.log2(4)
    ideal = [1 + 1 / math.log2(3), 1 + 1 / math.log2(3) + third]
    gains = [(1 + third) / ideal[0], third / ideal[1], 0]
    np.testing.assert_allclose(ndcg(HITS, N_RELEVANT), gains)
    averages = [(1 + 2 / 3) / 2, (1 / 3) / 3, 0]
    np.testing.assert_allclose(average_precision(HITS, N_RELEVANT), averages)


def test_a_list_shorter_than_n_is_judged_by_what_it_shows() -> None:
    assert precision(np.array([[True, False, False]]), np.array([1])).tolist() == [1]
    assert precision(np.array([[False, False]]), np.array([0])).tolist() == [0]


def test_a_perfect_list_has_an_ndcg_and_a_map_of_one() -> None:
    hits, n_relevant = np.array([[True, True, False], [True, True, True]]), np.array([2, 9])
    np.testing.assert_allclose(ndcg(hits, n_relevant), 1)
    np.testing.assert_allclose(average_precision(hits, n_relevant), 1)


def test_ndcg_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    random = np.random.default_rng(3)
    liked = random.random((40, 15)) < 0.3
    liked[:, 0] = True
    scores = random.permuted(np.tile(np.arange(15.0), (40, 1)), axis=1)
    hits = np.take_along_axis(liked, np.argsort(-scores, axis=1)[:, :5], axis=1)
    ours = ndcg(hits, liked.sum(axis=1)).mean()
    assert ours == pytest.approx(ndcg_score(liked, scores, k=5))


def test_coverage_and_novelty_are_those_computed_by_hand() -> None:
    lists = np.array([[0, 2], [2, -1]])
    assert coverage(lists, 8) == 2 / 8
    raters = np.array([0, 1, 2, 3, 4, 5, 6])
    items = np.array([0, 0, 0, 0, 1, 2, 2])
    popularity = item_popularity(csr_matrix(raters, items, np.ones(7), (8, 4)))
    assert popularity.tolist() == [4 / 7, 1 / 7, 2 / 7, 1 / 7]
    popularity = np.array([0.5, 0.125, 0.25, 0.125])
    assert novelty(lists, popularity) == pytest.approx((1 + 2 + 2) / 3)
    assert math.isnan(novelty(np.array([[-1]]), popularity))


def test_measures_of_many_users_are_those_of_a_loop() -> None:
    random = np.random.default_rng(5)
    liked_by, liked_items = np.nonzero(random.random((30, 25)) < 0.2)
    relevant = csr_matrix(liked_by, liked_items, np.ones(len(liked_by)), (30, 25))
    relevant = relevant[np.flatnonzero(np.diff(relevant.indptr))]
    n_users, n_items = relevant.shape
    lists = np.argsort(random.random((n_users, n_items)), axis=1)[:, :6]
    lists[::3, 4:] = -1
    sums = dict.fromkeys(("precision", "recall", "ndcg", "map"), 0.0)
    for user, row in enumerate(lists.tolist()):
        liked, shown = set(relevant[[user]].indices.tolist()), [i for i in row if i >= 0]
        hits = [item in liked for item in shown]
        sums["precision"] += sum(hits) / len(shown)
        sums["recall"] += sum(hits) / len(liked)
        gain = sum(hit / math.log2(k + 2) for k, hit in enumerate(hits))
        sums["ndcg"] += gain / sum(1 / math.log2(k + 2) for k in range(min(6, len(liked))))
        precisions = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits)) if hits[k]]
        sums["map"] += sum(precisions) / min(6, len(liked))
    measured = measures(lists, relevant, np.full(n_items, 0.5))
    for name, total in sums.items():
        assert measured[name] == pytest.approx(total / n_users), name
    assert measured["novelty"] == pytest.approx(1)
    assert measured["coverage"] == 1
    assert not are_relevant(np.full((n_users, 1), -1), relevant).any()
