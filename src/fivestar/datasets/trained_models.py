"""The models that runs have left, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from fivestar import models
from fivestar.models import Model


class TrainedModels(AbstractDataset[None, "Mapping[str, Model]"]):
    """Loads a mapping from names to trained models, in alphabetical order; it is read only.

    Parameters
    ----------
    filepath
        The folder with a folder for each model.
    inside
        Where the model lies in that folder.
    metadata
        For other tools, such as kedro-viz.

    Attributes
    ----------
    stale : names of models that are not shown, for their settings or data have changed since
    """

    def __init__(
        self, *, filepath: str, inside: str = ".", metadata: dict[str, Any] | None = None
    ) -> None:
        self.folder = Path(filepath)
        self.inside = inside
        self.stale: set[str] = set()
        self.metadata = metadata

    def load(self) -> Mapping[str, Model]:
        return _Shelf(
            {name: folder for name, folder in self._folders().items() if name not in self.stale}
        )

    @property
    def files(self) -> list[Path]:
        return [folder / "model.json" for folder in self._folders().values()]

    def _folders(self) -> dict[str, Path]:
        """Folders of the models by name."""
        return {
            place.parent.relative_to(self.folder).parts[0]: place.parent
            for place in sorted(self.folder.glob(f"*/{self.inside}/model.json"))
        }

    def save(self, data: None) -> NoReturn:
        raise DatasetError(f"{self.folder}: models are saved one by one, as `<model>.model`")

    def _exists(self) -> bool:
        return len(self.load()) > 0

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder), "inside": self.inside}


class _Shelf(Mapping[str, Model]):
    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders

    def __getitem__(self, name: str) -> Model:
        return models.load(self.folders[name])

    def __contains__(self, name: object) -> bool:  # without loading the model
        return name in self.folders

    def __iter__(self) -> Iterator[str]:
        return iter(self.folders)

    def __len__(self) -> int:
        return len(self.folders)
