"""What the datasets have in common that keep a value in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, TypeVar

from kedro.io import AbstractDataset

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class OneFile(AbstractDataset[Saved, Loaded], Generic[Saved, Loaded]):
    """A dataset of one local file; subclasses load and save it.

    Parameters
    ----------
    filepath
        The file.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        return [self.path]

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
