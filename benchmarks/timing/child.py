"""The process of one contender: measures it alone, and prints what it found as the last line.

    python -m benchmarks.timing.child '{"contender": "als", "data": "ratings.npz", ...}'

See ``Task`` in processes.py for the rest.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.timing.contenders import Contender, contender_class

WARM_UP = 300_000
"""Ratings that everything is called on once before the clock starts: what compiles does so then,
what runs in threads only if there is enough to do too."""
FEWEST, MOST = 2, 512
"""Sweeps more than one that are timed."""
WORTH = 0.2
"""Share of a fit of one sweep that the sweeps timed have to add: less drowns in the noise."""


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Seconds and memory of one contender.

    A sweep is the difference between fits of one sweep and of more, divided by how many more;
    what a fit takes beside its sweeps is preparation.
    """
    arrays = np.load(task["data"])
    shape = tuple(arrays["shape"].tolist())
    matrix = sparse.csr_array((arrays["ratings"], arrays["items"], arrays["starts"]), shape=shape)
    chosen, rank, n_threads = contender_class(task["contender"]), task["rank"], task["threads"]
    some = chosen(matrix[: int(np.searchsorted(matrix.indptr, WARM_UP))], rank, n_threads)
    some.prepare()
    some.fit(1)
    contender = chosen(matrix, rank, n_threads)
    found: dict[str, Any] = {"input_memory": peak_memory(), "load": os.getloadavg()[0]}
    found |= sweep_of(contender, task["sweeps"], task["seconds"])
    found["peak_memory"] = peak_memory()
    found["rmse"] = held_out_rmse(contender, arrays)
    if task["recommend"]:
        found["recommend"] = seconds(partial(contender.recommend, task["recommend"]))
    return found | {"version": version(chosen.package), "libraries": libraries()}


def sweep_of(contender: Contender, n_sweeps: int, enough: float) -> dict[str, Any]:
    """Seconds of preparation, of a sweep, and of a fit of so many sweeps.

    Without a number of sweeps there are as many as take about ``enough`` seconds, and add enough
    to a fit of one sweep to be told from the noise.
    """
    converted = seconds(contender.prepare)
    one = seconds(partial(contender.fit, 1))
    if not contender.has_sweeps:
        one = min(one, *(seconds(partial(contender.fit, 1)) for _ in range(FEWEST)))
        return {"sweep": one, "prepare": converted, "fit": converted + one, "n_sweeps": 1}
    n_more = n_sweeps - 1 if n_sweeps else min(max(math.ceil(enough / one), FEWEST), MOST)
    while True:
        processor = time.process_time()
        many = seconds(partial(contender.fit, 1 + n_more))
        cores = (time.process_time() - processor) / many
        if n_sweeps or many - one > WORTH * one or n_more >= MOST:
            break
        n_more *= 8
    sweep = max(many - one, 0) / n_more
    prepare, fit = converted + max(one - sweep, 0), converted + many
    times = {"sweep": sweep, "prepare": prepare, "fit": fit}
    return times | {"n_sweeps": 1 + n_more, "cores": cores}


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def held_out_rmse(contender: Contender, arrays: Any) -> float | None:
    predicted = contender.predict(arrays["held_out_users"], arrays["held_out_items"])
    if predicted is None:
        return None
    errors = predicted - arrays["held_out_ratings"].astype(np.float64)
    return float(np.sqrt(np.mean(errors**2)))


def peak_memory() -> float:
    """Of this process so far, in GB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage on Linux also counts the process that started this one
        peak = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        return int(peak.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def libraries() -> list[str]:
    """The linear algebra that is loaded, with the processor that it was made for, and threads."""
    from threadpoolctl import threadpool_info

    told = {
        f"{each['internal_api']} {each.get('version') or ''} "
        f"{each.get('architecture', '')} x{each['num_threads']}"
        for each in threadpool_info()
    }
    return sorted(" ".join(each.split()) for each in told)


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
