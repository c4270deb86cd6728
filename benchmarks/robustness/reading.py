"""Reads every file that a run has left, as its readers do: one that is half raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from safetensors.numpy import load_file

from fivestar import models
from fivestar.ratings import TrainingData
from fivestar.ratings.training_data import DESCRIPTION


def _arrays(path: Path) -> None:
    with np.load(path) as arrays:
        for name in arrays.files:
            _ = arrays[name]


READERS: dict[str, Callable[[Path], object]] = {
    ".parquet": pq.read_table,
    ".csv": pd.read_csv,
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".npz": _arrays,
    ".safetensors": load_file,
}


def unreadable(project: Path) -> list[str]:
    """Files and folders below ``data/`` that cannot be read, each with the reason."""
    wrong = []
    for path in sorted((project / "data").rglob("*")):
        reader = READERS.get(path.suffix)
        if ".lineage" in path.parts:
            pass
        elif path.name == "model.json":
            reader = lambda path: models.load(path.parent)  # noqa: E731
        elif path.name == DESCRIPTION:
            reader = lambda path: TrainingData.load(path.parent)  # noqa: E731
        if reader is None or "01_raw" in path.parts or any(p[:5] == ".new-" for p in path.parts):
            continue
        try:
            reader(path)
        except Exception as error:
            wrong.append(f"{path.relative_to(project)}: {type(error).__name__}: {error}")
    return wrong
