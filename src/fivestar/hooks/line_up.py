"""Which models a run trains: the list ``line_up`` of the parameters.

Kedro registers pipelines before nodes see parameters, so the list is read from the context
that the run has just made, or, where there is none (``kedro registry list``), from ``conf``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.utils import find_kedro_project

from fivestar.config import ConfigLoader, loader_of
from fivestar.errors import InputError, did_you_mean
from fivestar.hooks.parameters import check_parameters

if TYPE_CHECKING:
    from fivestar.pipelines.cross_validation.settings import CrossValidationSettings

_of_context: dict[str, Any] = {}


SPARK = "spark"
"""The engine of tables that no machine holds."""

Blocks = dict[str, dict[str, Any]]
"""Family and settings of models, by name."""


def zoo() -> Blocks:
    """All models that have a block."""
    return dict(_parameters()["models"])


def blends() -> Blocks:
    """Those that have members."""
    return {name: block for name, block in zoo().items() if "members" in block}


def engine() -> str:
    """What runs the pipelines: ``pandas`` or ``SPARK``."""
    return str(_parameters()["engine"])


def line_up() -> Blocks:
    """The models of a default run, each with a block under ``models``."""
    return _blocks(_parameters()["line_up"], "parameters_models.yml: line_up")


def cross_validated() -> tuple[Blocks, CrossValidationSettings]:
    """The models that are cross-validated, and on which folds."""
    from fivestar.pipelines.cross_validation.settings import CrossValidationSettings

    name = "cross_validation"
    settings = CrossValidationSettings.read(name, _parameters()[name])
    names = settings.models or _parameters()["line_up"]
    return _blocks(names, "parameters_cross_validation.yml: models"), settings


def changes() -> tuple[str, list[str]]:
    """The model that changes are tried on, and the names of the changes."""
    settings = _parameters()["ablation"]
    _blocks([settings["base"]], "parameters_ablation.yml: ablation.base")
    return settings["base"], list(settings["variants"])


def tuned() -> tuple[str, str]:
    """The model that is tuned, and its family."""
    model = _parameters()["tuning"]["model"]
    block = _blocks([model], "parameters_tuning.yml: tuning.model")[model]
    return model, str(block.get("family"))


def _blocks(names: Iterable[str], where: str) -> Blocks:
    """The blocks of these models.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    blocks = zoo()
    unknown = [name for name in names if name not in blocks]
    if unknown:
        raise InputError(
            f"{where} names {', '.join(map(str, unknown))}, which has no block under `models`. "
            f"Add one, or take the name out. {did_you_mean(str(unknown[0]), blocks)}".strip()
        )
    return {name: blocks[name] for name in names}


def _parameters() -> dict[str, Any]:
    return _of_context or _of_project()


def _of_project() -> dict[str, Any]:
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    loader = ConfigLoader(str(project / settings.CONF_SOURCE), **settings.CONFIG_LOADER_ARGS)
    parameters: dict[str, Any] = loader["parameters"]
    return parameters


class LineUpHook:
    """Keeps the parameters of the context for the registry."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        # Not `context.params`: to check those, Kedro would register the pipelines first.
        loader = loader_of(context)
        loader.require_environment()
        parameters = loader["parameters"]
        check_parameters(parameters, Path(loader.conf_source) / str(loader.base_env))
        _of_context.clear()
        _of_context.update(parameters)
