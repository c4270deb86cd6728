"""Kedro datasets of our own: how files become values and values files."""

from fivestar.datasets.model_folder import ModelFolder
from fivestar.datasets.sparse_matrix import SparseMatrix
from fivestar.datasets.submission_file import SubmissionFile
from fivestar.datasets.text_table import TextTable

__all__ = ["ModelFolder", "SparseMatrix", "SubmissionFile", "TextTable"]
