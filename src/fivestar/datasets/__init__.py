"""Kedro datasets of our own: how files become values and values files."""

from fivestar.datasets.csv_table import CsvTable
from fivestar.datasets.json_file import JsonFile
from fivestar.datasets.model_folder import ModelFolder
from fivestar.datasets.parquet_blocks import ParquetBlocks
from fivestar.datasets.parquet_table import ParquetTable
from fivestar.datasets.provenance import Provenance
from fivestar.datasets.ratings_table import RatingsTable
from fivestar.datasets.spark_csv_file import SparkCsvFile
from fivestar.datasets.sparse_matrix import SparseMatrix
from fivestar.datasets.split_description import SplitDescription
from fivestar.datasets.study_store import StudyStore
from fivestar.datasets.submission_file import SubmissionFile
from fivestar.datasets.text_file import TextFile
from fivestar.datasets.text_table import TextTable
from fivestar.datasets.trained_models import TrainedModels
from fivestar.datasets.training_data_folder import TrainingDataFolder
from fivestar.datasets.vega_chart import VegaChart

__all__ = [
    "CsvTable",
    "JsonFile",
    "ModelFolder",
    "ParquetBlocks",
    "ParquetTable",
    "Provenance",
    "RatingsTable",
    "SparkCsvFile",
    "SparseMatrix",
    "SplitDescription",
    "StudyStore",
    "SubmissionFile",
    "TextFile",
    "TextTable",
    "TrainedModels",
    "TrainingDataFolder",
    "VegaChart",
]
