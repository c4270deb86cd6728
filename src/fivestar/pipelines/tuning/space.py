"""Search spaces: which values of which settings are tried."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, get_args, get_type_hints

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from fivestar.errors import InputError, did_you_mean
from fivestar.models import Model, build

DIGITS = 3
"""Significant ones of the numbers that are tried: more make no difference and read badly."""
WHERE = "parameters_tuning.yml, tuning.spaces."
HOW = "write {low: 1, high: 10}, with log: true for a logarithmic range, or a list of values"

Spaces = Mapping[str, Mapping[str, Any]]
Number = int | float


@dataclass(frozen=True)
class SearchSpace:
    """The settings that are searched for, and the block that they are settings of.

    Attributes
    ----------
    block
        The model's present block.
    distributions
        Of the settings by name; nested ones are dotted, such as ``stopping.patience``.
    present
        The present values of these settings, as Optuna takes them.
    """

    block: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    present: dict[str, Any]

    def with_values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The block with values that Optuna chose."""
        values = {
            name: _rounded(_decoded(value), self.distributions[name])
            for name, value in parameters.items()
        }
        return _with_settings(self.block, values)

    def fingerprint(self, *more: object) -> str:
        """8 hexadecimal digits that a change of the block, the space or anything more changes."""
        distributions = {name: repr(each) for name, each in self.distributions.items()}
        text = json.dumps([self.block, distributions, *more], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def search_space(spaces: Spaces, model: str, block: Mapping[str, Any]) -> SearchSpace:
    """The space of a model, or else of its family, widened to hold the present settings.

    Parameters
    ----------
    spaces
        By model or family: for each setting ``{low, high}``, with ``log``, or a list of values.
        Numbers are whole where the family's setting is an ``int``.
    block
        The model's block.

    Raises
    ------
    InputError
        If there is no space, or a setting or value of it is not one of the family.
    """
    family = str(block.get("family"))
    name = model if model in spaces else family
    present = build(block, model)
    if not spaces.get(name):
        raise InputError(
            f"{WHERE}{name}: there is no search space of {model}. Add one there: "
            f"setting by setting, {HOW}. {did_you_mean(model, spaces)}".strip()
        )
    distributions, values = {}, {}
    for setting, given in spaces[name].items():
        _check(setting, given, block, name)
        values[setting] = _encoded(_value_of(present, setting))
        distributions[setting] = _distribution(setting, given, present, values[setting], name)
    return SearchSpace(dict(block), distributions, values)


def _check(setting: str, given: Any, block: Mapping[str, Any], name: str) -> None:
    """Refuse what cannot be read, and values that the family does not take."""
    where = f"{WHERE}{name}: {setting}"
    if isinstance(given, Mapping) and {"low", "high"} <= set(given) <= {"low", "high", "log"}:
        low, high = given["low"], given["high"]
        if not all(isinstance(end, Number) for end in (low, high)) or low > high:
            raise InputError(f"{where}: low {low} and high {high} are no range: {HOW}")
        if given.get("log") and low <= 0:
            raise InputError(f"{where}: low is {low}; a logarithmic range is above 0")
        tried = [low, high]
    elif isinstance(given, list) and given:
        tried = given
    else:
        raise InputError(f"{where} is {given!r}: {HOW}")
    for value in tried:
        build(_with_settings(block, {setting: value}), name, WHERE)


def _distribution(
    setting: str, given: Any, model: Model, present: Any, name: str
) -> BaseDistribution:
    if isinstance(given, list):
        choices = list(dict.fromkeys([*map(_encoded, given), present]))
        return CategoricalDistribution(choices)
    log = bool(given.get("log"))
    if not isinstance(present, Number) or (log and present <= 0):
        raise InputError(
            f"{WHERE}{name}: {setting}: the present value, {present}, fits into no such range. "
            "Give the model a space of its own there, with a list of values or without log."
        )
    low, high = min(given["low"], present), max(given["high"], present)
    if _is_whole(type(model), setting):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _is_whole(owner: Any, setting: str) -> bool:
    """Whether the setting is an ``int`` by its annotation."""
    first, _, rest = setting.partition(".")
    hint = get_type_hints(owner)[first]
    kinds = get_args(hint) or (hint,)
    if rest:
        return _is_whole(next(kind for kind in kinds if is_dataclass(kind)), rest)
    return int in kinds


def _value_of(model: Model, setting: str) -> Any:
    value: Any = model.settings
    for key in setting.split("."):
        value = value[key]
    return value


def _with_settings(block: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A block with some settings changed; of a nested one the rest stays as it is."""
    changed = copy.deepcopy(dict(block))
    for setting, value in values.items():
        first, _, rest = setting.partition(".")
        if not rest:
            changed[first] = value
            continue
        outer = build(changed).settings.get(first) or {}
        changed[first] = _with_settings(outer, {rest: value})
    return changed


def _rounded(value: Any, distribution: BaseDistribution) -> Any:
    if not isinstance(distribution, FloatDistribution):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), distribution.low), distribution.high)


def _encoded(value: Any) -> Any:
    """Lists as text: Optuna chooses among plain values only."""
    return json.dumps(value) if isinstance(value, list | tuple) else value


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
