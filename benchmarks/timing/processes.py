"""Each contender in a process of its own: the data that it reads, its time limit, its report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic import generate
from benchmarks.timing.contenders import ROOT, Fivestar, NumpyALS, contender_class

PEERS = ROOT / ".venv-peers/bin/python"
DATA = ROOT / "data/01_raw/synthetic"
HELD_OUT = 100_000
"""Ratings that no contender is fitted on, at the most; of fewer than ten times as many, a tenth."""
TOLD = 300
"""Last characters of a failure's message."""


@dataclass(frozen=True)
class Task:
    """What one process measures.

    Attributes
    ----------
    contender
        A key of ``CONTENDERS``, or the name of a model of this project.
    n_ratings
        Before some are held out.
    rank, threads
        Length of the factors, and threads of every library.
    sweeps
        Of the longer fit; 0 to choose it by ``seconds``.
    seconds
        About how long the longer fit takes.
    recommend
        How many items to recommend to every user; 0 for none.
    """

    contender: str
    n_ratings: int
    rank: int = 32
    threads: int = 1
    sweeps: int = 0
    seconds: float = 1.0
    recommend: int = 0

    @property
    def is_ours(self) -> bool:
        return issubclass(contender_class(self.contender), (Fivestar, NumpyALS))


def run(task: Task, time_limit: float) -> dict[str, Any]:
    """The report of ``child.measure``; or ``failed``, why there is none."""
    python = sys.executable if task.is_ours else str(PEERS)
    if not Path(python).exists():
        return {"failed": "no environment of the peers: `make peers` makes it"}
    given = asdict(task) | {"data": str(data_file(task.n_ratings))}
    command = [python, "-m", "benchmarks.timing.child", json.dumps(given)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(task.threads),
            capture_output=True,
            text=True,
            timeout=time_limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {time_limit:.0f} s"}
    if done.returncode:
        return {"failed": " ".join(done.stderr[-TOLD:].split()) or f"ended by {done.returncode}"}
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def environment(n_threads: int) -> dict[str, str]:
    """The same for all. BLAS has one thread in each of a library's own, as all of them ask for."""
    threads = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LK_NUM_THREADS")
    ones = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LK_NUM_BACKEND_THREADS")
    each = dict.fromkeys(threads, str(n_threads)) | dict.fromkeys(ones, "1")
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | each | {"PYTHONPATH": path}


def data_file(n_ratings: int) -> Path:
    """Synthetic ratings, the last of them held out; made once."""
    path = DATA / f"{n_ratings}.npz"
    if not path.exists():
        from fivestar.files import replacing
        from fivestar.ratings import csr_matrix

        users, items, values, shape = generate(n_ratings)
        n_train = n_ratings - min(HELD_OUT, n_ratings // 10)
        train = csr_matrix(users[:n_train], items[:n_train], values[:n_train], shape)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                shape=shape,
                starts=train.indptr.astype(np.int32),
                items=train.indices.astype(np.int32),
                ratings=train.data,
                held_out_users=users[n_train:],
                held_out_items=items[n_train:],
                held_out_ratings=values[n_train:],
            )
    return path
