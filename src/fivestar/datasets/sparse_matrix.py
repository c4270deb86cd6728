"""A sparse matrix in scipy's own format."""

from __future__ import annotations

from scipy import sparse

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing


class SparseMatrix(OneFile[sparse.csr_array, sparse.csr_array]):
    """Saves by ``scipy.sparse.save_npz`` and loads a CSR array."""

    def load(self) -> sparse.csr_array:
        return sparse.csr_array(sparse.load_npz(self.path))

    def save(self, data: sparse.csr_array) -> None:
        with replacing(self.path) as path:
            sparse.save_npz(path, data, compressed=False)
