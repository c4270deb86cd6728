"""A small table as CSV, which kedro-viz can show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import TablePreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing

if TYPE_CHECKING:
    import pandas as pd


class CsvTable(OneFile["pd.DataFrame", "pd.DataFrame"]):
    """A data frame without its index; kedro-datasets' own imports SQL with it, for 0.2 s.

    Parameters
    ----------
    filepath, metadata
        See ``OneFile``.
    load_args, save_args
        Of ``pandas.read_csv`` and ``DataFrame.to_csv``.
    """

    def __init__(
        self,
        *,
        filepath: str,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._load_args, self._save_args = load_args or {}, save_args or {}

    def load(self) -> pd.DataFrame:
        return self._read()

    def save(self, data: pd.DataFrame) -> None:
        with replacing(self.path) as path:
            data.to_csv(path, **{"index": False, **self._save_args})

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows as plain values."""
        rows = self._read(nrows=nrows)
        return TablePreview(json.loads(rows.to_json(orient="split", date_format="iso")))

    def _read(self, **options: Any) -> pd.DataFrame:
        import pandas as pd

        frame: pd.DataFrame = pd.read_csv(self.path, **self._load_args, **options)
        return frame
