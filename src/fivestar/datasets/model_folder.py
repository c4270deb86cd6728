"""A trained model as a folder of JSON and safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from fivestar import models
from fivestar.failure import Failure
from fivestar.files import replacing
from fivestar.models import Model

MODEL_FILES = ("model.json", "weights.safetensors")
FAILURE = "failure.json"


class ModelFolder(AbstractDataset[Model | Failure, Model | Failure]):
    """Saves and loads a model, or the failure that stands in for one.

    Parameters
    ----------
    filepath
        The folder.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """Of a model; one that failed leaves the last of them alone."""
        return [self.folder / name for name in (*MODEL_FILES, FAILURE)]

    def load(self) -> Model | Failure:
        if self._failure_file.exists():
            return Failure(**json.loads(self._failure_file.read_text(encoding="utf-8")))
        return models.load(self.folder)

    def save(self, data: Model | Failure) -> None:
        if isinstance(data, Failure):
            with replacing(self._failure_file) as path:
                path.write_text(json.dumps(asdict(data), indent=2), encoding="utf-8")
            (self.folder / "model.json").unlink(missing_ok=True)
        else:
            data.save(self.folder)
            self._failure_file.unlink(missing_ok=True)

    @property
    def _failure_file(self) -> Path:
        return self.folder / FAILURE

    def _exists(self) -> bool:
        return (self.folder / "model.json").exists() or self._failure_file.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder)}
