"""The models that are fitted here."""

from __future__ import annotations

from typing import Any

from fivestar.analysis.elicitation.prior import UserPrior
from fivestar.errors import InputError, did_you_mean
from fivestar.models import Model, build
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.pipelines.fitting import fit_and_refit
from fivestar.ratings import TrainingData

Blocks = dict[str, dict[str, Any]]
"""Settings of models by name."""


def choose_models(models: Blocks, settings: ColdStartSettings) -> Blocks:
    """Settings of the models that are fitted here: those of ``models`` and what is changed.

    Raises
    ------
    InputError
        If there is no such model, it cannot fold in users, or a setting of it is wrong.
    """
    known = models | {name: models.get(name, {}) | own for name, own in settings.blocks.items()}
    chosen = {}
    for setting, names, folds_in in (
        ("blocks", list(settings.blocks), False),
        ("models", settings.models, True),
        ("factor_model", [settings.factor_model], True),
        ("new_item_models", settings.new_item_models, False),
    ):
        for name in names:
            if "family" not in known.get(name, {}):
                hint = did_you_mean(name, models) or f"There are {', '.join(models)}."
                raise InputError(
                    f"cold_start.{setting}: {name!r} has no block under `models` "
                    f"(parameters_models.yml). {hint}"
                )
            chosen[name] = known[name]
            if not build(chosen[name], name).can_fold_in and folds_in:
                raise InputError(
                    f"cold_start.{setting}: {name} cannot fold in users without training. "
                    "Name another model."
                )
    return chosen


def fit_factor_model(
    data: TrainingData, blocks: Blocks, settings: ColdStartSettings
) -> tuple[Model, UserPrior]:
    """What the greedy strategies choose by, and what it expects of a user before any answer.

    Raises
    ------
    InputError
        If it is no plain factorisation.
    """
    name = settings.factor_model
    # Its factors are wanted even where the biases alone predict better.
    model = fit_and_refit({**blocks[name], "bias_fallback": False}, data, label=name)
    try:
        return model, UserPrior.of(model, data.ratings)
    except ValueError as error:
        raise InputError(
            f"cold_start.factor_model: {name} is no plain factorisation with biases ({error}). "
            "Name another one, such as gradient_descent or als."
        ) from error
