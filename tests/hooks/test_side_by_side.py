"""Turns of long nodes, and how well the time left is told."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from fivestar.hooks.side_by_side import Clock, Turns


def test_no_more_go_on_at_a_time_than_there_are_places() -> None:
    turns, lock = Turns(2), threading.Lock()
    going, most = 0, 0

    def work(rank: int) -> None:
        nonlocal going, most
        turns.take(rank)
        with lock:
            going += 1
            most = max(most, going)
        time.sleep(0.01)
        with lock:
            going -= 1
        turns.give_back()

    threads = [threading.Thread(target=work, args=[rank]) for rank in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert (going, most) == (0, 2)


def test_the_lowest_rank_that_waits_goes_first() -> None:
    turns, order = Turns(1), []
    turns.take(0)

    def work(rank: int) -> None:
        turns.take(rank)
        order.append(rank)
        turns.give_back()

    threads = [threading.Thread(target=work, args=[rank]) for rank in (5, 3, 9, 4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)  # until all of them wait
    turns.give_back()
    for thread in threads:
        thread.join(timeout=5)
    assert order == [3, 4, 5, 9]


@pytest.mark.parametrize("workers", [1, 2])
def test_time_left_is_right_within_half_after_the_first_tenth(workers: int) -> None:
    """Models of very different cost, fold by fold, the simple ones first."""
    costs = {"item_mean": 0.1, "bias": 0.2, "course": 5.0, "als": 2.0, "net": 14.0, "gibbs": 22.0}
    rng = np.random.default_rng(0)
    jobs = [
        (f"{model}_{fold}", model, cost * rng.uniform(0.9, 1.1))
        for fold in range(5)
        for model, cost in costs.items()
    ]
    clock = Clock({name: model for name, model, _ in jobs})
    begun, ended = _schedule(jobs, workers)
    total = max(ended.values())
    for now in np.linspace(0.1 * total, 0.95 * total, 30):
        clock.started = {name: at for name, at in begun.items() if at <= now}
        clock.seconds = {name: at - begun[name] for name, at in ended.items() if at <= now}
        told = now + clock.left(now, workers)
        assert total / 1.5 < told < 1.5 * total


def _schedule(jobs: list, workers: int) -> tuple[dict[str, float], dict[str, float]]:
    free, begun, ended = [0.0] * workers, {}, {}
    for name, _, seconds in jobs:
        worker = int(np.argmin(free))
        begun[name] = free[worker]
        free[worker] += seconds
        ended[name] = free[worker]
    return begun, ended
