"""The submission: a CSV that is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from fivestar.files import replacing


class SubmissionFile(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """Writes a table as CSV and puts it in place of the earlier one at once.

    Parameters
    ----------
    filepath
        Of the CSV.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        return [self.path]

    def load(self) -> pd.DataFrame:
        return pd.read_csv(self.path)

    def save(self, data: pd.DataFrame) -> None:
        with replacing(self.path) as path:
            data.to_csv(path, index=False)

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
