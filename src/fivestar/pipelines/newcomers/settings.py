"""Who is held out, what is asked, and which models are measured."""

from __future__ import annotations

from typing import Annotated, Any, Self

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import BaseModel, ConfigDict, model_validator

from fivestar.analysis.elicitation.ranking import Strategy
from fivestar.pipelines.texts import Texts


class NewcomersSettings(BaseModel):
    """Settings of the pipeline ``newcomers``.

    Parameters
    ----------
    models
        Names of models, all of which can fold in new people.
    blocks
        By name, settings that differ from the block under ``models``, such as fewer sweeps; or,
        with a ``family``, a model of this pipeline only.
    strategy
        How the questionnaire is made; see ``questionnaire.ranking.rank``.
    factor_model
        Name of a model that is a plain factorisation with biases. The greedy strategies choose
        by its items, and strategies are compared on it.
    n_questions
        Items in ``questionnaire.csv``.
    n_answers
        Answers up to which the error is measured.
    held_out_share
        Of the users with enough ratings.
    min_ratings
        Ratings in train and validation that are enough: half of them are answers.
    at_most_people
        Who are held out.
    new_item_models
        Names of models to predict items without any rating with.
    new_item_share
        Of the items, held out with all their ratings.
    seed
        Of all choices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Annotated[Texts, MinLen(1)] = [
        *("bias", "gradient_descent", "als", "autoencoder", "bayesian_mf")
    ]
    blocks: dict[str, dict[str, Any]] = {
        "bayesian_mf": {"n_burn_in": 60, "n_steps": 220},
        "bayesian_mf_features": {
            "family": "bayesian_mf",
            "who_rated_what": False,
            "n_burn_in": 60,
            "n_steps": 220,
        },
    }
    strategy: Strategy = "greedy_extend"
    factor_model: str = "gradient_descent"
    n_questions: Annotated[int, Ge(1)] = 30
    n_answers: Annotated[int, Ge(1)] = 10
    held_out_share: Annotated[float, Gt(0), Lt(1)] = 0.2
    min_ratings: Annotated[int, Ge(2)] = 20
    at_most_people: Annotated[int, Ge(1)] = 2000
    new_item_models: Texts = ["bias", "bayesian_mf", "bayesian_mf_features"]
    new_item_share: Annotated[float, Gt(0), Lt(1)] = 0.1
    seed: int = 42

    @model_validator(mode="after")
    def _half_of_the_ratings_are_answers(self) -> Self:
        if self.min_ratings < 2 * self.n_answers:
            raise ValueError(
                f"min_ratings is {self.min_ratings}, but {self.n_answers} answers need people with "
                f"{2 * self.n_answers} ratings, half of which are predicted: set a larger "
                "min_ratings or fewer n_answers"
            )
        return self
