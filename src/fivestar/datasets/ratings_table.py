"""A Parquet table of ratings: ids are text in the file and codes in memory."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro_datasets._typing import TablePreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing
from fivestar.ratings.ids import from_arrow, to_arrow

TEXTS = ("user", "item", "part")
"""Columns of few different texts."""
REPEATED = (*TEXTS, "rating", "fallback")
"""Columns whose values are stored once, with their numbers in the rows."""
INDEX = "__index_level_"
"""Begins the name of an index that pandas wrote as a column."""
ROW_GROUP = 2**26
"""Rows; each group has a dictionary of its own, and has to be copied beside the others."""
DICTIONARY_BYTES = 2**30
"""A larger dictionary would be given up, and the texts written out."""


class RatingsTable(OneFile[pd.DataFrame, pd.DataFrame]):
    """Saves and loads a frame whose ``user``, ``item`` and ``part`` are categorical.

    Their categories are sorted, and may hold ids that do not occur. The file has plain columns
    of text, as any reader of Parquet finds them. The frame's index is not kept.
    """

    def load(self) -> pd.DataFrame:
        table = pq.read_table(self.path, read_dictionary=list(TEXTS))
        frame = pd.DataFrame(index=pd.RangeIndex(table.num_rows))
        for name in table.column_names:
            if name.startswith(INDEX):
                continue
            column = table[name]
            frame[name] = from_arrow(column) if name in TEXTS else column.to_pandas()
        return frame

    def save(self, data: pd.DataFrame) -> None:
        columns = {
            str(name): to_arrow(column) if name in TEXTS else pa.array(column, from_pandas=True)
            for name, column in data.items()
        }
        table = pa.table(columns)
        with replacing(self.path) as path:
            pq.write_table(
                table,
                path,
                row_group_size=ROW_GROUP,
                use_dictionary=[name for name in REPEATED if name in columns],
                dictionary_pagesize_limit=DICTIONARY_BYTES,
                write_statistics=False,  # they take as long as all else
                compression="zstd",
                store_schema=False,
            )

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows."""
        with pq.ParquetFile(self.path) as file:
            rows = next(file.iter_batches(nrows), None)
            frame = (file.schema_arrow.empty_table() if rows is None else rows).to_pandas()
        return TablePreview(json.loads(frame.to_json(orient="split", double_precision=10)))
