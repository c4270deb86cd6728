"""Ratings that came in after training."""

from __future__ import annotations

from fivestar.datasets.text_table import TextTable


class NewRatingsTable(TextTable):
    """A ``TextTable`` that is no part of the data set: nobody can fetch it, one has to write it."""

    def _advice(self) -> str:
        return (
            "Write there the ratings that came in after training, with the columns of the data "
            "set's ratings (`ingestion.columns`), or name another file: "
            "--params new_ratings_file=my.csv"
        )
