"""A Parquet file that is written block by block: no more than one block is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro_datasets._typing import TablePreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing

PREVIEW_COLUMNS = 12


class ParquetBlocks(OneFile[Iterable[pa.Table], pd.DataFrame]):
    """Saves Arrow tables of one schema as the row groups of one Parquet file; loads a frame.

    The file is written beside an earlier one and takes its place when it is complete. Without
    any table there is no file; an earlier one is removed.

    A node returns an object whose ``__iter__`` makes the tables. It must not be a generator
    function: of such a node Kedro saves each value by itself, one over the other.

    """

    def load(self) -> pd.DataFrame:
        return pd.read_parquet(self.path)

    def save(self, data: Iterable[pa.Table]) -> None:
        tables = iter(data)
        first = next(tables, None)
        if first is None:
            self.path.unlink(missing_ok=True)
            return
        with replacing(self.path) as path, _writer(path, first.schema) as writer:
            writer.write_table(first, row_group_size=max(1, len(first)))
            del first
            for table in tables:
                writer.write_table(table, row_group_size=max(1, len(table)))

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first rows of the first columns."""
        with pq.ParquetFile(self.path) as file:
            columns = file.schema_arrow.names[:PREVIEW_COLUMNS]
            rows = next(file.iter_batches(nrows, columns=columns), None)
            frame = (file.schema_arrow.empty_table() if rows is None else rows).to_pandas()
        return TablePreview(json.loads(frame.to_json(orient="split", double_precision=3)))


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Without dictionaries and statistics: numbers that hardly repeat, in many columns."""
    return pq.ParquetWriter(path, schema, use_dictionary=False, write_statistics=False)
