"""Which version of the registered model is served: the better one on the same test part."""

from __future__ import annotations

from typing import NamedTuple, Self

ALIAS = "champion"


class Measured(NamedTuple):
    """What a version is compared by.

    Attributes
    ----------
    model : its name in the line-up
    figure : ``test_rmse``, or ``validation_rmse`` where the test ratings are not known
    value : of that figure
    part : fingerprint of the ratings that it was measured on
    """

    model: str
    figure: str
    value: float
    part: str

    @property
    def tags(self) -> dict[str, str]:
        """As MLflow keeps them."""
        return {
            "model": self.model,
            "figure": self.figure,
            self.figure: repr(self.value),
            "part": self.part,
        }

    @classmethod
    def of(cls, tags: dict[str, str]) -> Self:
        """From what MLflow has kept; a version that somebody else registered has no figure."""
        model, figure, part = (tags.get(name, "unknown") for name in ("model", "figure", "part"))
        return cls(model, figure, float(tags.get(figure, "nan")), part)

    def __str__(self) -> str:
        return f"{self.model}, {self.figure.replace('_rmse', ' RMSE')} {self.value:.4f}"


def decide(new: Measured, present: Measured | None, present_version: str = "") -> tuple[bool, str]:
    """Whether the new version takes the alias over, and why or why not.

    Only figures of the same ratings are compared; a tie keeps the present version.
    """
    if present is None:
        return True, f"{new}, and there is no other yet"
    other = f"that of version {present_version} ({present})"
    if (new.figure, new.part) != (present.figure, present.part):
        return False, f"{new}, but {other} was measured on other ratings"
    if new.value < present.value:
        return True, f"{new}, better than {other}"
    return False, f"{new}, no better than {other}"


def alias_of(place: str, default_place: str) -> str:
    """The alias of a place's best version: ``champion``, or ``champion-ml-100k-fold-1``."""
    return ALIAS if place == default_place else f"{ALIAS}-{place.replace('/', '-')}"
