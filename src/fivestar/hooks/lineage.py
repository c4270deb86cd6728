"""Lineage at run time: stale inputs are refused, stale outputs redone, and outputs recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import AbstractDataset, CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from fivestar.config import loader_of
from fivestar.errors import InputError
from fivestar.failure import Failure
from fivestar.lineage.files import RawFiles, local_files, state
from fivestar.lineage.graph import PARAMETERS, Graph, Status, shown
from fivestar.lineage.records import Record, place_of

MAX_SHOWN = 5
"""Stale files that one message names."""
RAW = "_raw"
"""How names of datasets end that no pipeline makes."""


class LineageHook:
    """Checks what a run starts from, and records what it makes."""

    _graph: Graph

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._project = Path(context.project_path)
        self._parameters: dict[str, Any] = loader_of(context)["parameters"]
        self._default_env = loader_of(context).default_run_env

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        self._configuration = conf_catalog

    def check(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Refuse stale inputs; mark stale outputs where only these are wanted.

        Raises
        ------
        InputError
            Naming each file, what it was made of and what it would be made of, and the command
            that makes it again.
        """
        raw_files = RawFiles(self._project / "data/01_raw/.fingerprints.json")
        made_elsewhere = any(
            not name.startswith(PARAMETERS) and not name.endswith(RAW) for name in pipeline.inputs()
        )
        self._graph = graph = Graph(
            all_pipelines().values() if made_elsewhere else (),
            *(pipeline, catalog, self._configuration, self._parameters, raw_files),
        )
        started_from = [name for name in pipeline.inputs() if name in graph.makers]
        started_from += self._keep_fresh_models(pipeline, catalog)
        checked = [graph.status(name) for name in sorted(started_from)]
        if wrong := [status for status in checked if status.problem]:
            raise InputError(self._message(wrong, run_params))
        if run_params.get("only_missing_outputs"):
            persisted = filter(graph.is_persisted, pipeline.all_outputs())
            statuses = [graph.status(name) for name in persisted]
            wanted = {status.dataset for status in statuses if status.problem or status.failed}
            if tried_again := {status.dataset for status in statuses if status.failed}:
                # What follows is of the same origin, but tells of the failure.
                wanted |= pipeline.from_inputs(*tried_again).all_outputs()
            for name in filter(graph.is_persisted, wanted):
                catalog[name] = Redone(catalog[name])

    def to_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> list[Node]:
        """The nodes, without those whose outputs are kept as they are."""
        if not run_params.get("only_missing_outputs"):
            return list(pipeline.nodes)
        return [node for node in pipeline.nodes if any(map(self._is_wanted, node.outputs))]

    def _is_wanted(self, name: str) -> bool:
        if not self._graph.is_persisted(name):
            return False
        status = self._graph.status(name)
        return bool(status.problem) or status.failed

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        graph = self._graph
        if dataset_name not in graph.makers or not graph.is_persisted(dataset_name):
            return
        files = local_files(graph.catalog.get(dataset_name))
        failures = list(_failures(data))
        left_out = bool(failures) and all(failures)
        written = {path.name: now for path in files if (now := state(path)) is not None}
        Record(
            graph.origins(dataset_name)[0],
            written,
            failed=bool(failures) and not left_out,
            left_out=graph.allowed_time if left_out else None,
        ).save(place_of(dataset_name, files))

    def _keep_fresh_models(self, pipeline: Pipeline, catalog: CatalogProtocol) -> list[str]:
        """Hide stale models from the mappings of trained ones; name the chosen one's datasets."""
        from fivestar.datasets import TrainedModels

        chosen = []
        for name in pipeline.inputs():
            dataset = catalog.get(name) if name in catalog else None
            if not isinstance(dataset, TrainedModels):
                continue
            kind = "model" if dataset.inside == "." else "fitted"
            members = {model: f"{model}.{kind}" for model in dataset.load()}
            wanted = self._parameters.get("model")
            chosen += [members[wanted]] if wanted in members else []
            dataset.stale = {
                model
                for model, member in members.items()
                if model != wanted
                and (member not in self._graph.makers or self._graph.status(member).problem)
            }
        return chosen

    def _message(self, wrong: list[Status], run_params: dict[str, Any]) -> str:
        lines = [
            f"  {self._files_of(status.dataset)}: {status.problem}" for status in wrong[:MAX_SHOWN]
        ]
        if len(wrong) > MAX_SHOWN:
            lines.append(f"  and {len(wrong) - MAX_SHOWN} more")
        one = len(wrong) == 1
        return "\n".join(
            [
                f"{'An input' if one else 'Inputs'} of this run cannot be used as "
                f"{'it lies' if one else 'they lie'} there:",
                *lines,
                f"Make {'it' if one else 'them'} again: {self._command(wrong, run_params)}",
            ]
        )

    def _files_of(self, name: str) -> str:
        files = local_files(self._graph.catalog.get(name))
        return shown(files[0].parent if len(files) > 1 else files[0])

    def _command(self, wrong: list[Status], run_params: dict[str, Any]) -> str:
        """What makes all that is missing or stale again, and nothing else."""
        parts = ["kedro run"]
        if run_params.get("env") not in (None, self._default_env):
            parts.append(f"--env {run_params['env']}")
        if settings := ",".join(_flat(run_params.get("runtime_params") or {})):
            parts.append(f'--params "{settings}"' if " " in settings else f"--params {settings}")
        names = {status.dataset for status in wrong}
        pipelines = all_pipelines()
        by_default = pipelines["__default__"].all_outputs()
        if not names <= by_default:
            makers = [
                name
                for name, pipeline in pipelines.items()
                if name != "__default__" and names & (pipeline.all_outputs() - by_default)
            ]
            parts.append(f"--pipelines {makers[0]}")
            if makers[0] == "zoo":
                models = sorted({name.partition(".")[0] for name in names - by_default})
                parts.append(f"--namespaces {','.join(models)}")
        return " ".join([*parts, "--only-missing-outputs"])


def all_pipelines() -> dict[str, Pipeline]:
    """Also those that the command does not ask for."""
    pipelines.set_requested(None)
    return dict(pipelines.items())


def _failures(data: Any) -> Iterator[bool]:
    """Of each failure that an output tells of, whether the model was left out on purpose.

    The output is a failure, the metrics of a failed model, or records of such runs.
    """
    if isinstance(data, list):
        for each in data:
            yield from _failures(each)
    elif isinstance(data, Failure):
        yield data.skipped
    elif isinstance(data, dict) and data.get("failure") is not None:
        yield bool(data.get("skipped"))


class Redone(AbstractDataset[Any, Any]):
    """A dataset that counts as missing, so that the node which makes it runs.

    Parameters
    ----------
    dataset
        The one that lies there; it is loaded and saved as ever.
    """

    def __init__(self, dataset: AbstractDataset[Any, Any]) -> None:
        self.dataset = dataset

    @property
    def files(self) -> list[Path]:
        return local_files(self.dataset)

    def load(self) -> Any:
        return self.dataset.load()

    def save(self, data: Any) -> None:
        self.dataset.save(data)

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return self.dataset._describe()


def _flat(values: dict[str, Any], prefix: str = "") -> list[str]:
    flat = []
    for name, value in values.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append(f"{prefix}{name}={value}")
    return flat
