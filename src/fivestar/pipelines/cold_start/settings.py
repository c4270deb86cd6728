"""Which users are held out, what they are asked, and which models are measured."""

from __future__ import annotations

from typing import Annotated, Any, Self

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import model_validator

from fivestar.analysis.elicitation.ranking import Strategy
from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts

Share = Annotated[float, Gt(0), Lt(1)]


class ColdStartSettings(Settings):
    """Settings of the pipeline ``cold_start``; what each means is told in its parameters file."""

    models: Annotated[Texts, MinLen(1)]
    blocks: dict[str, dict[str, Any]]
    strategy: Strategy
    factor_model: str
    n_questions: Annotated[int, Ge(1)]
    n_answers: Annotated[int, Ge(1)]
    held_out_share: Share
    min_ratings: Annotated[int, Ge(2)]
    max_users: Annotated[int, Ge(1)]
    new_item_models: Texts
    new_item_share: Share
    seed: Seed

    @model_validator(mode="after")
    def _half_of_the_ratings_are_answers(self) -> Self:
        if self.min_ratings < 2 * self.n_answers:
            raise ValueError(
                f"min_ratings is {self.min_ratings}, but {self.n_answers} answers need users with "
                f"{2 * self.n_answers} ratings, half of which are predicted: set a larger "
                "min_ratings or fewer n_answers"
            )
        return self
