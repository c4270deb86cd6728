"""What the columns of a data set mean."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from annotated_types import Ge
from pydantic import Field, model_validator

from fivestar.pipelines.settings import Settings


class RatingColumns(Settings):
    """The file's names for what every rating has.

    ``timestamp`` (seconds or a date) and ``weight`` (a positive number: how much the rating
    counts) are optional.
    """

    user: str
    item: str
    rating: str
    timestamp: str | None = None
    weight: str | None = None


class TestColumns(Settings):
    """The file's names in the table of test pairs; all but ``user`` and ``item`` are optional."""

    user: str
    item: str
    id: str | None = None
    rating: str | None = None
    timestamp: str | None = None


class Feature(Settings):
    """One feature of users or items.

    Parameters
    ----------
    kind
        ``text``; ``number``; ``year`` (the number in brackets at the end of a title, else the
        last four digits in the cell); ``category`` (one word of a few); ``categories``
        (several words: separated in one column, or a column of 0 and 1 for each word).
    column
        The file's column.
    columns
        Columns of 0 and 1, for ``categories`` only.
    separator
        Between the words of ``categories``.
    missing
        Cells with this text count as empty, as do empty ones.
    """

    kind: Literal["text", "number", "year", "category", "categories"] = "text"
    column: str | None = None
    columns: list[str] | None = None
    separator: str = "|"
    missing: str = ""

    @property
    def used(self) -> list[str]:
        """The file's columns that the feature is made of."""
        return self.columns or ([] if self.column is None else [self.column])

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) != bool(self.columns) or (
            self.columns and self.kind != "categories"
        ):
            raise ValueError("name one `column`, or `columns` for the kind categories")
        return self


class SideTable(Settings):
    """Which column holds the id, and the features by their name."""

    id: str
    features: dict[str, Feature] = Field(default_factory=dict)


class IngestionSettings(Settings):
    """How to read a data set; ``parameters_ingestion.yml`` explains the settings.

    An environment leaves out what its data set lacks: side tables, test pairs.
    """

    columns: RatingColumns
    test_columns: TestColumns = TestColumns(id="ID", user="User", item="ASIN")
    duplicates: Literal["error", "last", "mean"]
    test_duplicates: Literal["error", "drop"]
    k_core: Annotated[int, Ge(0)]
    users: SideTable | None = None
    items: SideTable | None = None
