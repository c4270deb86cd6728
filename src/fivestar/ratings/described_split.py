"""What is told of a split that lies elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fivestar.ratings.training_data import title_of


@dataclass(frozen=True)
class DescribedSplit:
    """Stands for ``TrainingData`` where only its name and sizes are asked for.

    Attributes
    ----------
    place, fingerprint : as those of ``TrainingData``
    vocabulary : the fingerprint of the ids
    sizes : number of ratings by part
    """

    place: str
    fingerprint: str
    vocabulary: str
    sizes: Mapping[str, int]

    @property
    def title(self) -> str:
        """How people are told which data a result is of."""
        return title_of(self.place, self.fingerprint)

    @property
    def identity(self) -> dict[str, str]:
        """What a result keeps of the data that it is of."""
        return {
            "place": self.place,
            "fingerprint": self.fingerprint,
            "vocabulary": self.vocabulary,
        }
