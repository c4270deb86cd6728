"""A table of Spark as one CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fsspec
from kedro.io import AbstractDataset
from kedro.io.core import get_protocol_and_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkCsvFile(AbstractDataset["DataFrame", "DataFrame"]):
    """Has one executor write the rows in their order, and moves the file to its place.

    Parameters
    ----------
    filepath
        The file, local or at any address that Spark and fsspec know.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._protocol, path = get_protocol_and_path(filepath)
        self._files = fsspec.filesystem(self._protocol)
        self._filepath = path
        self.metadata = metadata

    def load(self) -> DataFrame:
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate().read.csv(
            self._address(self._filepath), header=True, inferSchema=True
        )

    def save(self, data: DataFrame) -> None:
        folder, _, name = self._filepath.rpartition("/")
        beside = f"{folder}/.{name}.parts"
        data.coalesce(1).write.csv(self._address(beside), mode="overwrite", header=True)
        (part,) = self._files.glob(f"{beside}/part-*.csv")
        self._files.mv(part, self._filepath)
        self._files.rm(beside, recursive=True)

    def _address(self, path: str) -> str:
        """What Spark calls the path; a local one is seen from the working directory."""
        return str(self._files.unstrip_protocol(path))

    def _exists(self) -> bool:
        return bool(self._files.exists(self._filepath))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "protocol": self._protocol}
