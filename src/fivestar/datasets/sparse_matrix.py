"""A sparse matrix in scipy's own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from scipy import sparse

from fivestar.files import replacing


class SparseMatrix(AbstractDataset[sparse.csr_array, sparse.csr_array]):
    """Saves by ``scipy.sparse.save_npz`` and loads a CSR array.

    Parameters
    ----------
    filepath
        Ending in ``.npz``.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        return [self.path]

    def load(self) -> sparse.csr_array:
        return sparse.csr_array(sparse.load_npz(self.path))

    def save(self, data: sparse.csr_array) -> None:
        with replacing(self.path) as path:
            sparse.save_npz(path, data, compressed=False)

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
