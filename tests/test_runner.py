"""The runner's pool takes tasks by their rank, and hands on what they give or raise."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from functools import partial

import pytest

from fivestar.runner import ByRank


def test_tasks_that_wait_begin_in_the_order_of_their_ranks() -> None:
    ranks, order = [5, 3, 9, 3, 1], []
    go_on = threading.Event()
    with ByRank(1, lambda task: task.args[0] if isinstance(task, partial) else 0) as pool:
        pool.submit(go_on.wait)
        futures = [pool.submit(partial(order.append, rank)) for rank in ranks]
        go_on.set()
        wait(futures)
    assert order == sorted(ranks)


def test_results_and_errors_are_the_tasks_own() -> None:
    with ByRank(2, lambda task: 0) as pool:
        good, bad = pool.submit(lambda: 7), pool.submit(lambda: 1 // 0)
        assert good.result(timeout=5) == 7
        with pytest.raises(ZeroDivisionError):
            bad.result(timeout=5)
