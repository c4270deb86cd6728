"""A progress bar for whatever takes longer than two seconds, on a terminal only."""

from __future__ import annotations

import multiprocessing

from tqdm import tqdm


def progress_bar(n_steps: int, label: str) -> tqdm:
    """Bar over ``n_steps`` steps; hidden for the first two seconds and where nobody looks."""
    # Each worker process of a parallel run draws on a line of its own.
    worker = multiprocessing.current_process()._identity
    return tqdm(
        total=n_steps,
        desc=label,
        unit="step",
        delay=2,
        leave=False,
        disable=None,
        position=worker[0] - 1 if worker else None,
    )
