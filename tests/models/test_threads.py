"""Work in threads, and products of pairs."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from fivestar.models import pair_products
from fivestar.models.factors import Factors, low_rank
from fivestar.models.threads import in_threads, results_in_threads, rounds_in_threads, slices


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIVESTAR_NUM_THREADS", "3")


@pytest.mark.usefixtures("three_threads")
def test_results_come_in_order_and_threads_start_no_further_ones() -> None:
    together = threading.Barrier(3, timeout=10)  # three at a time, or it breaks

    def inside(_: int) -> int:
        return threading.get_ident()

    def outside(n: int) -> tuple[int, bool]:
        together.wait()
        within = list(results_in_threads(inside, range(4)))
        return n, set(within) == {threading.get_ident()}

    assert list(results_in_threads(outside, range(6))) == [(n, True) for n in range(6)]


@pytest.mark.usefixtures("three_threads")
def test_what_fails_in_a_thread_is_raised() -> None:
    def fail(n: int) -> None:
        raise ValueError(f"piece {n}")

    with pytest.raises(ValueError, match="piece 0"):
        in_threads(fail, range(3))


def test_a_piece_waits_neither_for_the_others_nor_for_who_asks() -> None:
    last_of_first, done = threading.Event(), {"first": 0, "second": 0}

    def work(piece: str) -> tuple[str, int]:
        if piece == "second":
            assert last_of_first.wait(10)
        done[piece] += 1
        if done["first"] == 5:
            last_of_first.set()
        return piece, done[piece]

    rounds = list(rounds_in_threads(work, ["first", "second"], 5, n_threads=2))
    assert rounds == [[("first", n), ("second", n)] for n in range(1, 6)]


def test_rounds_that_are_not_asked_for_end_with_the_iterator() -> None:
    count, go_on = {"first": 0, "second": 0}, threading.Event()

    def work(piece: str) -> int:
        count[piece] += 1
        if count[piece] == 2:
            assert go_on.wait(10)
        return count[piece]

    rounds = rounds_in_threads(work, ["first", "second"], 1000, n_threads=2)
    assert next(rounds) == [1, 1]
    threading.Timer(0.5, go_on.set).start()
    rounds.close()
    assert max(count.values()) <= 2


@pytest.mark.usefixtures("three_threads")
def test_rounds_within_a_thread_start_no_further_ones() -> None:
    def outside(_: int) -> bool:
        rounds = rounds_in_threads(lambda _: threading.get_ident(), range(2), 3, n_threads=3)
        return {ident for each in rounds for ident in each} == {threading.get_ident()}

    assert list(results_in_threads(outside, range(3))) == [True] * 3


def test_more_pieces_than_threads_are_dealt_to_them() -> None:
    rounds = rounds_in_threads(lambda n: (n, threading.get_ident()), range(5), 3, n_threads=2)
    found = list(rounds)
    assert [[n for n, _ in each] for each in found] == [list(range(5))] * 3
    assert len({ident for each in found for _, ident in each}) == 2


def test_slices_hold_everything_once() -> None:
    assert slices(7, 3) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert slices(0, 3) == []


def some_factors(rng: np.random.Generator, **given: Any) -> Factors:
    users, items = (rng.normal(size=(n, 5)).astype(np.float32) for n in (30, 20))
    return Factors(users=users, items=items, constant=3.0, **given)


@pytest.mark.usefixtures("three_threads")
def test_pairs_in_pieces_have_the_sums_of_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_products, "PAIRS", 100)
    rng = np.random.default_rng(0)
    biases = [rng.normal(size=n).astype(np.float32) for n in (30, 20)]
    for given in ({}, {"item_bias": biases[1]}, {"user_bias": biases[0], "item_bias": biases[1]}):
        factors = some_factors(rng, **given)
        users, items = factors.with_biases()
        pairs = np.repeat(np.arange(30), 20), np.tile(np.arange(20), 30)
        table = (users @ items.T).ravel()
        np.testing.assert_allclose(factors.of_pairs(*pairs), table, atol=1e-5)


def test_products_of_low_rank_are_found_and_others_come_as_close_as_they_can() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 40))
    users, items = (rng.normal(size=(n, 3)) @ mixing for n in (50, 60))
    short = low_rank(users, items, 3)
    assert [each.shape for each in short] == [(50, 3), (60, 3)]
    np.testing.assert_allclose(short[0] @ short[1].T, users @ items.T, rtol=1e-4, atol=1e-3)
    noisy = items + rng.normal(size=items.shape)
    table = users @ noisy.T
    left, right = low_rank(users, noisy, 2)
    found = np.linalg.norm(table - left @ right.T)
    best = np.linalg.norm(np.linalg.svd(table, compute_uv=False)[2:])
    assert found == pytest.approx(best, rel=0.01)


def test_low_rank_of_fewer_items_or_users_is_exact() -> None:
    rng = np.random.default_rng(0)
    for n_users, n_items in ((1, 30), (30, 2)):
        users, items = rng.normal(size=(n_users, 9)), rng.normal(size=(n_items, 9))
        short = low_rank(users, items, 8)
        np.testing.assert_allclose(short[0] @ short[1].T, users @ items.T, atol=1e-4)
