"""The environment that was asked for has to exist; Kedro would run on without its settings."""

from __future__ import annotations

from pathlib import Path

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from fivestar.errors import InputError


class EnvironmentHook:
    """Refuses an environment that has no folder."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        folder = Path(context.config_loader.conf_source)
        if context.env and folder.is_dir() and not (folder / context.env).is_dir():
            others = {"base", "local"}
            known = sorted(f.name for f in folder.iterdir() if f.is_dir() and f.name not in others)
            raise InputError(
                f"{folder / context.env}: no such environment. Make that folder, "
                f"or choose one of {', '.join(known)}."
            )
