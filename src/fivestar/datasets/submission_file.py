"""The submission: a CSV that is whole or not there."""

from __future__ import annotations

import pandas as pd

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing


class SubmissionFile(OneFile[pd.DataFrame, pd.DataFrame]):
    """Writes a table as CSV and puts it in place of the earlier one at once."""

    def load(self) -> pd.DataFrame:
        return pd.read_csv(self.path)

    def save(self, data: pd.DataFrame) -> None:
        with replacing(self.path) as path:
            data.to_csv(path, index=False)
