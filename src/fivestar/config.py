"""The configuration: every environment has a place of its own, and ``conf/local`` works."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.context import KedroContext
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from fivestar.config_files import mistake
from fivestar.errors import InputError
from fivestar.names import MODEL_NAME, NAME

LOCAL = "local"
"""The folder of settings that are this machine's own; they win over the environment's."""


class ConfigLoader(OmegaConfigLoader):
    """Kedro's loader with ``${environment:}``, ``${place:}``, and ``conf/local`` on top.

    The place is where the outputs of a run lie below each layer of ``data/``: the environment's
    name, followed by the fold where the parameters name one: ``demo``, ``ml-100k/fold-1``.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key in self:
            return super().__getitem__(key)
        if key == "parameters":
            return copy.deepcopy(self._parameters)
        if key == "catalog":
            _ = self.place  # asks another loader, which must not happen while this one resolves
        return self._read(key)

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        parameters = self._read("parameters")
        require_names(parameters)
        models = parameters.get("models")
        name_members(models if isinstance(models, dict) else {})
        return parameters

    def _read(self, key: str) -> dict[str, Any]:
        environment = self.environment
        # Resolvers are global: these have to be of the loader that is asked just now.
        for name, value in (
            ("environment", lambda: environment),
            ("place", lambda: self.place),
        ):
            OmegaConf.register_resolver(name, value, replace=True)
        try:
            return self._merged(key)
        except (
            YAMLError,
            UnicodeError,
            OmegaConfBaseException,
            AttributeError,
            TypeError,
        ) as error:
            environments = dict.fromkeys((self.base_env, self.environment, LOCAL))
            folders = [Path(self.conf_source) / str(each) for each in environments]
            told = mistake(folders, self.config_patterns[key])
            if told is None and isinstance(error, OmegaConfBaseException):
                told = (
                    f"{self.conf_source}, {key}: {error.full_key}: {str(error).splitlines()[0]}. "
                    "Write the value in its place, or define what it names."
                )
            if told is None:
                raise
            raise InputError(told) from error

    def _merged(self, key: str) -> dict[str, Any]:
        environment = self.environment
        local = Path(self.conf_source) / LOCAL
        has_own = local.is_dir() and environment != LOCAL
        config: dict[str, Any] = {}
        try:
            config = super().__getitem__(key)
        except MissingConfigException:
            if not (has_own and any(local.glob(self.config_patterns[key][0]))):
                raise
        if not has_own:
            return config
        own = self.load_and_merge_dir_config(
            str(local), self.config_patterns[key], key, set(), key == "credentials"
        )
        if self.merge_strategy.get(key) == "soft":
            return OmegaConf.to_container(OmegaConf.merge(config, own))  # type: ignore[return-value]
        return {**config, **own}

    @property
    def environment(self) -> str:
        """The environment's name.

        Raises
        ------
        InputError
            If it is none of a folder: outputs would lie outside of their layer.
        """
        name = str(self.env or self.default_run_env)
        if not NAME.fullmatch(name):
            raise InputError(
                f"--env: {name!r} is no environment's name. Give that of a folder in "
                f"{self.conf_source}, in letters, digits, `.`, `-` and `_`: --env demo"
            )
        return name

    @cached_property
    def place(self) -> str:
        """Where the outputs lie below each layer of ``data/``."""
        fold = self["parameters"].get("fold")
        if fold is None:
            return self.environment
        if "fold" in self.runtime_params and "fold" not in self._without_runtime_params():
            raise InputError(
                f"fold: the environment {self.environment} has no folds. Leave --params fold out, "
                "or name an environment that has some: --env ml-100k"
            )
        if not NAME.fullmatch(str(fold)):
            raise InputError(f"fold: {fold!r} is no fold's name. Write --params fold=1")
        return f"{self.environment}/fold-{fold}"

    def _without_runtime_params(self) -> dict[str, Any]:
        plain = type(self)(
            self.conf_source,
            self.env,
            base_env=self.base_env,
            default_run_env=self.default_run_env,
            merge_strategy=self.merge_strategy,
        )
        return plain["parameters"]

    def require_environment(self) -> None:
        """Refuse an environment that has no folder; Kedro would run on without its settings.

        Nor may it be a path: outputs lie in folders of its name.
        """
        folder = Path(self.conf_source)
        is_name = NAME.fullmatch(self.environment) is not None
        if folder.is_dir() and not (is_name and (folder / self.environment).is_dir()):
            others = {"base", LOCAL}
            known = sorted(f.name for f in folder.iterdir() if f.is_dir() and f.name not in others)
            raise InputError(
                f"{folder / self.environment}: no such environment. Make that folder, "
                f"or choose one of {', '.join(known)}."
            )


def require_names(parameters: dict[str, Any]) -> None:
    """Refuse models, and changes that are tried on one, whose names are paths.

    Raises
    ------
    InputError
        If a name is more than letters, digits, ``-`` and ``_``: files are named after it.
    """
    for file, block, names in (
        ("parameters_models.yml", "models", parameters.get("models")),
        ("parameters_ablation.yml", "ablation.variants", _variants(parameters)),
    ):
        for name in names or ():
            if not MODEL_NAME.fullmatch(str(name)):
                raise InputError(
                    f"{file}, {block}: {name!r} is no name for a folder. Use letters, digits, "
                    "`-` and `_` only."
                )


def _variants(parameters: dict[str, Any]) -> Any:
    settings = parameters.get("ablation")
    return settings.get("variants") if isinstance(settings, dict) else None


def name_members(models: dict[str, Any]) -> None:
    """Replace lists of names under ``members`` by the blocks of these models, by name.

    Raises
    ------
    InputError
        If there is no block of that name.
    """
    for model, block in models.items():
        names = block.get("members") if isinstance(block, dict) else None
        if not isinstance(names, list):
            continue
        unknown = [name for name in names if name not in models or "members" in models[name]]
        if unknown:
            raise InputError(
                f"parameters_models.yml, models.{model}.members: {', '.join(map(str, unknown))} "
                "has no block under `models`, or has members itself. Name models that have one."
            )
        block["members"] = {name: copy.deepcopy(models[name]) for name in names}


def loader_of(context: KedroContext) -> ConfigLoader:
    """The context's loader, which ``settings.py`` makes one of ours."""
    loader = context.config_loader
    assert isinstance(loader, ConfigLoader)
    return loader
