"""Which models a run trains: the list ``line_up`` of the parameters.

Kedro registers pipelines before nodes see parameters, so the list is read from the context
that the run has just made, or, where there is none (``kedro registry list``), from ``conf``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.utils import find_kedro_project

from fivestar.config import ConfigLoader, loader_of
from fivestar.errors import InputError, did_you_mean

_of_context: dict[str, Any] = {}


Blocks = dict[str, dict[str, Any]]
"""Family and settings of models, by name."""


def zoo() -> Blocks:
    """All models that have a block."""
    return dict(_parameters()["models"])


def line_up() -> Blocks:
    """The models of a default run, each with a block under ``models``."""
    parameters = _parameters()
    names: list[str] = parameters["line_up"]
    unknown = [name for name in names if name not in parameters["models"]]
    if unknown:
        raise InputError(
            f"parameters_models.yml: line_up names {', '.join(unknown)}, "
            "which has no block under `models`. Add one, or take the name out."
        )
    return {name: parameters["models"][name] for name in names}


def changes() -> tuple[str, list[str]]:
    """The model that changes are tried on, and the names of the changes."""
    settings = _parameters()["ablation"]
    return settings["base"], list(settings["variants"])


def tuned() -> tuple[str, str]:
    """The model that is tuned, and its family."""
    parameters = _parameters()
    model, blocks = parameters["tuning"]["model"], parameters["models"]
    if model not in blocks:
        advice = did_you_mean(str(model), blocks) or f"Known are {', '.join(blocks)}."
        raise InputError(
            f"parameters_tuning.yml: tuning.model is {model!r}, which has no block under `models`. "
            f"{advice}"
        )
    return model, str(blocks[model].get("family"))


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
        loader_of(context).require_environment()
        _of_context.clear()
        _of_context.update(loader_of(context)["parameters"])
