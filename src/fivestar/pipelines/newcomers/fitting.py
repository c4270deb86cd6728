"""What models are fitted on here, and how."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models import Model, build
from fivestar.pipelines.newcomers.settings import NewcomersSettings
from fivestar.ratings import Features, Positions, Scale, csr_matrix, merge, observed

Blocks = dict[str, dict[str, Any]]
"""Settings of models by name."""


@dataclass(frozen=True)
class Data:
    """Train and validation with all that a fit needs beside; test is not among it.

    Attributes
    ----------
    train, validation : (n_users, n_items) ratings
    features : of the same users and items
    scale : of the stars
    blocks : settings of all models that are fitted here
    """

    train: sparse.csr_array
    validation: sparse.csr_array
    features: Features
    scale: Scale
    blocks: Blocks

    @property
    def ratings(self) -> sparse.csr_array:
        """Of both parts."""
        return merge(self.train, self.validation)

    def of_users(self, users: Positions) -> Data:
        """Of these users only, on positions of their own."""
        features = replace(self.features, users=self.features.users[users])
        train, validation = self.train[users], self.validation[users]
        return replace(self, train=train, validation=validation, features=features)

    def without_items(self, items: Positions) -> Data:
        """With no rating of these items, on the same positions."""
        train, validation = _without(self.train, items), _without(self.validation, items)
        return replace(self, train=train, validation=validation)

    def fit(self, name: str) -> Model:
        """Fitted on both parts, for as many steps as were best on validation."""
        model = build(self.blocks[name], name)
        known: Any = {"scale": self.scale, "features": self.features, "label": name}
        stops = getattr(model, "stopping", None) is not None
        if stops and self.train.nnz and self.validation.nnz:
            model = model.for_refit(model.fit(self.train, self.validation, **known))
        model.fit(self.ratings, **known)
        return model


def gather(
    train: sparse.csr_array,
    validation: sparse.csr_array,
    user_features: sparse.csr_array,
    item_features: sparse.csr_array,
    models: dict[str, Any],
    settings: NewcomersSettings,
    scale: Scale,
) -> Data:
    """All that models are fitted on, once the settings are checked.

    Raises
    ------
    InputError
        If there is no such model, it cannot fold in people, or a setting of it is wrong.
    """
    features = Features(user_features, item_features)
    return Data(train, validation, features, scale, blocks_of(models, settings))


def blocks_of(models: Mapping[str, dict[str, Any]], settings: NewcomersSettings) -> Blocks:
    """Settings of the models that are fitted here: those of ``models`` and what is changed."""
    known = {
        name: {**models.get(name, {}), **settings.blocks.get(name, {})}
        for name in {**models, **settings.blocks}
    }
    named = {
        "blocks": list(settings.blocks),
        "models": settings.models,
        "factor_model": [settings.factor_model],
        "new_item_models": settings.new_item_models,
    }
    blocks = {}
    for setting, names in named.items():
        for name in names:
            if "family" not in known.get(name, {}):
                close = difflib.get_close_matches(name, models, n=1)
                hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(models)}."
                raise InputError(
                    f"newcomers.{setting}: {name!r} has no block under `models` "
                    f"(parameters_models.yml). {hint}"
                )
            blocks[name] = known[name]
            model = build(blocks[name], name)
            if setting in {"models", "factor_model"} and not model.can_fold_in:
                raise InputError(
                    f"newcomers.{setting}: {name} cannot take in new people without training. "
                    "Name another model."
                )
    return blocks


def _without(ratings: sparse.csr_array, items: Positions) -> sparse.csr_array:
    users, columns, stars = observed(ratings)
    kept = ~np.isin(columns, items)
    return csr_matrix(users[kept], columns[kept], stars[kept], ratings.shape)
