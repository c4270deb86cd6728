"""Several models together, weighted by how well they predict ratings they were not trained on."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.registry import build
from fivestar.models.stacking import Stacking
from fivestar.models.training import History, Training
from fivestar.ratings import Features, Indices, Scale, csr_matrix, observed


@dataclass(kw_only=True)
class Blend(Model):
    r"""Stacking: a regression on the predictions that models make of ratings held out from them.

    The training ratings are dealt into folds at random. Every member predicts each fold after
    training on the others, so for all ratings there is a row p of predictions that were made
    without them, and the blend learns from these. (Wolpert, "Stacked generalization", 1992;
    Breiman, "Stacked regressions", 1996; Sill et al., "Feature-weighted linear stacking", 2009.)

    Parameters
    ----------
    members
        Blocks of the models, family and settings, by name. In ``parameters_models.yml`` a list
        of names will do.
    n_folds
        Into which the training ratings are dealt.
    method
        ``ridge``: mu + sum_m w_m (p_m - mu) with weights that grow or shrink with the logarithms
        of the numbers of ratings of the user and of the item; ``non_negative``: constant
        weights, none below 0; ``trees``: the ridge, and boosted trees on what it leaves.

    Attributes
    ----------
    models
        The members by name, trained on all training ratings; they predict units.
    """

    family: ClassVar[str] = "blend"

    members: dict[str, dict[str, Any]]
    n_folds: Annotated[int, Ge(2)] = 5
    method: Literal["ridge", "non_negative", "trees"] = "trees"
