"""A Parquet table whose first rows kedro-viz can show, whatever its cells hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kedro_datasets._typing import TablePreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing

if TYPE_CHECKING:
    import pandas as pd


class ParquetTable(OneFile["pd.DataFrame", "pd.DataFrame"]):
    """A data frame with a preview that reads no more than it shows.

    Kedro's own hands lists out as arrays, on which ``kedro viz build`` fails, and imports SQL.
    """

    def load(self) -> pd.DataFrame:
        import pandas as pd

        return pd.read_parquet(self.path)

    def save(self, data: pd.DataFrame) -> None:
        with replacing(self.path) as path:
            data.to_parquet(path)

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows as plain values."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            rows = next(file.iter_batches(nrows), None)
            frame = (file.schema_arrow.empty_table() if rows is None else rows).to_pandas()
        return TablePreview(json.loads(frame.to_json(orient="split", date_format="iso")))
