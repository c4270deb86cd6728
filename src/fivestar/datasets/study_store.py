"""Optuna's database, where studies wait to be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class StudyStore(AbstractDataset[None, str]):
    """Loads the URL of an SQLite database; Optuna makes the file, and writes to it by itself.

    No output depends on what is in it, so it names no files to the lineage.

    Parameters
    ----------
    filepath
        The database.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.path.resolve()}"

    def save(self, data: None) -> NoReturn:
        raise DatasetError("Optuna writes its database by itself")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
