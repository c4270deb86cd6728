"""Training data as a folder of matrices and JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from fivestar.errors import InputError
from fivestar.ratings import TrainingData
from fivestar.ratings.training_data import DESCRIPTION, FILES


class TrainingDataFolder(AbstractDataset[TrainingData, TrainingData]):
    """Saves training data under the name of its place, and loads it from there only.

    Parameters
    ----------
    filepath
        The folder.
    place
        Data set and fold that the folder belongs to.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(
        self, *, filepath: str, place: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self.folder = Path(filepath)
        self.place = place
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in FILES]

    def load(self) -> TrainingData:
        data = TrainingData.load(self.folder)
        if data.place != self.place:
            raise InputError(
                f"{self.folder / DESCRIPTION}: the split of {data.place or 'another data set'}, "
                f"not of {self.place}. Make it again: kedro run --pipelines ingestion,splitting"
            )
        return data

    def save(self, data: TrainingData) -> None:
        replace(data, place=self.place).save(self.folder)

    def _exists(self) -> bool:
        return all(path.exists() for path in self.files)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder), "place": self.place}
