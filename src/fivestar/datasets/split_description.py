"""What is told of a split, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing
from fivestar.ratings import DescribedSplit


class SplitDescription(OneFile[DescribedSplit, DescribedSplit]):
    """Saves the description of a split under the name of its place.

    Parameters
    ----------
    filepath
        The file.
    place
        Data set and fold that the split is of.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(
        self, *, filepath: str, place: str, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.place = place

    def load(self) -> DescribedSplit:
        return DescribedSplit(**json.loads(self.path.read_text(encoding="utf-8")))

    def save(self, data: DescribedSplit) -> None:
        with replacing(self.path) as path:
            path.write_text(json.dumps(asdict(replace(data, place=self.place))), encoding="utf-8")
