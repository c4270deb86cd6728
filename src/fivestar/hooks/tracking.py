"""The one place that talks to MLflow: one flat run per model, the same under every runner.

A model's run is made when its first node starts, in whichever thread or process that is, and
logged when its last node ends; every node finds the run by its tags. There is no active run
in a global variable, so nothing mixes up under threads.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, SharedMemoryDataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from fivestar.config import loader_of
from fivestar.failure import Failure
from fivestar.files import BESIDE
from fivestar.hooks.store import close_orphans, is_whole, open_store, store_lock
from fivestar.lineage.revision import git_revision
from fivestar.pipelines.wiring import EXPECTED_MINUTES, SIDE_BY_SIDE

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import DatasetInput
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

BATCH = 1000
"""Metrics that MLflow takes in one call."""
RUNS = "runs"
"""An output whose name ends so is a list of runs that one node made, to be logged one by one."""
LOGGED = ("model", "fitted", "history", "metrics")
"""What a model's run is made of, by the first part of a dataset's name or the last."""


class TrackingHook:
    """Logs parameters, metrics, curves and the saved model of every model that runs."""

    _project: Path
    _parameters: dict[str, Any]
    _nodes: dict[str, list[Node]]
    _kedro_run: str

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opening: Future[tuple[MlflowClient, str]] | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._project = Path(context.project_path)
        # Not `context.params`, which has the settings of the pipelines asked for as objects.
        self._parameters = loader_of(context)["parameters"]
        self._place: str = loader_of(context).place
        self._nodes = {}
        self._fingerprint = ""
        self._opening = None

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        self._kedro_run = run_params["run_id"]
        self._nodes = nodes_by_model(pipeline, self._parameters["models"])
        if self._nodes:
            is_whole(self._project.resolve() / "mlruns/mlflow.db")  # said before anything is made
        if self._nodes and isinstance(catalog, SharedMemoryDataCatalog):
            # Before the workers are forked: they share what is imported, and the tables.
            _ = self._store

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        if self._nodes:
            self._open()  # beside the first nodes, which prepare the data
        if (data := inputs.get("training_data")) is not None:
            self._fingerprint = data.fingerprint
        model = self._model_of(node)
        if model is not None and not self._open_runs(model):
            self._client.create_run(self._experiment_id, run_name=model, tags=self._tags(model))

    @hook_impl
    def after_node_run(
        self,
        node: Node,
        catalog: CatalogProtocol,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
    ) -> None:
        model = self._model_of(node)
        if model is not None and node == self._nodes[model][-1]:
            self._log(model, self._values(model, catalog, outputs), inputs)
        for name, value in outputs.items():
            if name.endswith(RUNS):
                for record in value:
                    if not (record.get("once") and self._is_logged(record["tags"])):
                        self._log_record(record)

    @hook_impl
    def on_node_error(self, node: Node, error: Exception) -> None:
        model = self._model_of(node)
        if model is not None:
            with self._as_far_as_possible():
                self._end(model, Failure(f"{type(error).__name__}: {error}"))

    @hook_impl
    def on_pipeline_error(self) -> None:
        self.kill_open_runs()

    def kill_open_runs(self) -> None:
        """End as KILLED whatever this Kedro run has opened and not ended."""
        if self._nodes and self._opening is not None:
            wanted = f"tags.kedro_run = '{self._kedro_run}' and attributes.status = 'RUNNING'"
            with self._as_far_as_possible():
                for run in self._client.search_runs([self._experiment_id], wanted):
                    self._client.set_terminated(run.info.run_id, "KILLED")

    @contextmanager
    def _as_far_as_possible(self) -> Iterator[None]:
        """Hide that the store fails while another error is told; the next run ends its runs."""
        try:
            yield
        except Exception:
            logger.debug("the runs that are open in MLflow could not be ended", exc_info=True)

    # -- one model's run

    def _log(self, model: str, values: dict[str, Any], inputs: dict[str, Any]) -> None:
        """Everything that this pipeline knows of the model, then the end of its run."""
        from mlflow.entities import Metric

        from fivestar.models import Model

        (run_id,) = self._open_runs(model)
        now = int(time.time() * 1000)
        final = values.get("model", values.get("fitted"))
        settings = final.settings if isinstance(final, Model) else self._parameters["models"][model]
        parameters = {
            **settings,
            "family": self._parameters["models"][model]["family"],
            **{name: self._parameters[name] for name in ("refit", "splitting", "scale")},
        }
        metrics = [
            Metric(name, value, now, 0)
            for name, value in values.get("metrics", {}).items()
            if isinstance(value, int | float)
        ]
        metrics += [
            Metric(f"curve_{curve}", value, now, step)
            for curve, points in _curves(values.get("history", {})).items()
            for step, value in points
        ]
        self._log_values(run_id, parameters, metrics)
        with store_lock(self._project):  # MLflow stumbles over two that add the same data set
            self._client.log_inputs(run_id, list(_dataset_inputs(inputs, self._place)))
        if isinstance(final, Model):
            place = self._project / "data/06_models" / self._place / model
            place.mkdir(parents=True, exist_ok=True)
            # There, for what a killed run leaves in its place is removed by the next one.
            with tempfile.TemporaryDirectory(prefix=BESIDE, dir=place) as folder:
                final.save(Path(folder))
                self._client.log_artifacts(run_id, folder, "model")
        if "ending" in values.get("history", {}):
            self._client.set_tag(run_id, "ending", values["history"]["ending"])
        self._end(model, final if isinstance(final, Failure) else None)

    def _log_record(self, record: Mapping[str, Any]) -> None:
        """A run that is over, as a plain value.

        ``name``, ``model``, ``started`` and ``ended`` (seconds since 1970), ``failure`` (why, or
        None), ``skipped`` (whether that was on purpose; may be left out), and by name ``tags``,
        ``parameters``, ``metrics`` and ``curves`` (from step 0). One with ``once`` is not logged
        again where there is a run with its tags.
        """
        from mlflow.entities import Metric

        started, ended = (int(1000 * record[end]) for end in ("started", "ended"))
        tags = {**self._tags(record["model"]), **record["tags"]}
        if record["failure"] is not None:
            tags["skipped" if record.get("skipped") else "failure"] = record["failure"]
        run = self._client.create_run(
            self._experiment_id, start_time=started, tags=tags, run_name=record["name"]
        )
        metrics = [Metric(name, value, ended, 0) for name, value in record["metrics"].items()]
        metrics += [
            Metric(f"curve_{curve}", value, ended, step)
            for curve, values in record["curves"].items()
            for step, value in enumerate(values)
        ]
        self._log_values(run.info.run_id, record["parameters"], metrics)
        failed = "KILLED" if record.get("skipped") else "FAILED"
        status = "FINISHED" if record["failure"] is None else failed
        self._client.set_terminated(run.info.run_id, status, ended)

    def _is_logged(self, tags: Mapping[str, str]) -> bool:
        wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in tags.items())
        return bool(self._client.search_runs([self._experiment_id], wanted, max_results=1))

    def _log_values(self, run_id: str, parameters: Mapping[str, Any], metrics: list[Any]) -> None:
        from mlflow.entities import Param

        self._client.log_batch(run_id, params=[Param(*item) for item in _flat(parameters)])
        for start in range(0, len(metrics), BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + BATCH])

    def _end(self, model: str, failure: Failure | None) -> None:
        for run_id in self._open_runs(model):
            status = "FINISHED"
            if failure is not None:
                status = "KILLED" if failure.skipped else "FAILED"
                self._client.set_tag(
                    run_id, "skipped" if failure.skipped else "failure", failure.reason
                )
            self._client.set_terminated(run_id, status)

    def _open_runs(self, model: str) -> list[str]:
        wanted = f"tags.kedro_run = '{self._kedro_run}' and tags.model = '{model}'"
        found = self._client.search_runs([self._experiment_id], wanted)
        return [run.info.run_id for run in found if run.info.status == "RUNNING"]

    def _values(
        self, model: str, catalog: CatalogProtocol, outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Inputs and outputs of the model's nodes; those of the last node are not saved yet."""
        names = {name for node in self._nodes[model] for name in (*node.inputs, *node.outputs)}
        wanted = {
            **{f"{model}.{kind}": kind for kind in LOGGED},
            **{f"{kind}_{model}": kind for kind in LOGGED},
        }
        return {
            wanted[name]: outputs[name] if name in outputs else catalog.load(name)
            for name in names & wanted.keys()
        }

    def _model_of(self, node: Node) -> str | None:
        own = self._nodes.get(node.namespace or "", [])
        return node.namespace if node in own else None

    def _tags(self, model: str) -> dict[str, str]:
        fold = self._parameters.get("fold")
        return {
            "model": model,
            "kedro_run": self._kedro_run,
            "dataset": str(self._parameters["dataset"]),
            "place": self._place,
            "split": str(self._parameters["splitting"]["method"]),
            "git_revision": self._git_revision,
            **({} if fold is None else {"fold": str(fold)}),
            **({"fingerprint": self._fingerprint} if self._fingerprint else {}),
        }

    # -- the store

    @property
    def _client(self) -> MlflowClient:
        return self._store[0]

    @property
    def _experiment_id(self) -> str:
        return self._store[1]

    @property
    def _store(self) -> tuple[MlflowClient, str]:
        return self._open().result()

    def _open(self) -> Future[tuple[MlflowClient, str]]:
        """Begin to open the store; models that start together wait for the same one."""
        with self._lock:
            if self._opening is None:
                pool = ThreadPoolExecutor(1)
                self._opening = pool.submit(self._open_store)
                pool.shutdown(wait=False)
            return self._opening

    def _open_store(self) -> tuple[MlflowClient, str]:
        opened = open_store(self._project)
        close_orphans(*opened, self._project, self._place)
        return opened

    @cached_property
    def _git_revision(self) -> str:
        return git_revision(self._project)


def nodes_by_model(pipeline: Pipeline, models: Mapping[str, Any]) -> dict[str, list[Node]]:
    """The nodes of each model's namespace, in the order in which they run, from its fit on."""
    grouped: dict[str, list[Node]] = {}
    for node in pipeline.nodes:
        if f"{node.namespace}.{EXPECTED_MINUTES}" in node.outputs:
            continue
        if node.namespace is not None and node.namespace in models:
            grouped.setdefault(node.namespace, []).append(node)
    return grouped


def failures(
    pipeline: Pipeline, models: Mapping[str, Any], catalog: CatalogProtocol, *, skipped: bool
) -> dict[str, str]:
    """Why models of a pipeline that has run failed, or else were skipped, by name."""
    reasons: dict[str, str] = {}

    def add(name: str, reason: str | None, was_skipped: object) -> None:
        if reason is not None and bool(was_skipped) == skipped:
            reasons[name] = reason

    for model, nodes in nodes_by_model(pipeline, models).items():
        outputs = nodes[-1].outputs
        metrics = [name for name in outputs if name.startswith("metrics_")]
        for value in map(catalog.load, metrics or outputs):  # predictions may be many
            if isinstance(value, Failure):
                add(model, value.reason, value.skipped)
            elif isinstance(value, Mapping):
                add(model, value.get("failure"), value.get("skipped"))
    for node in pipeline.nodes:
        for name in node.outputs if SIDE_BY_SIDE in node.tags else ():
            for record in catalog.load(name) if name.endswith(RUNS) else ():
                add(record["name"], record["failure"], record.get("skipped"))
    return reasons


def digest_of(test: pd.DataFrame) -> str:
    """32 hexadecimal digits that any change of the test ratings, or their order, changes."""
    import pandas as pd

    rows = pd.util.hash_pandas_object(test[["user", "item", "rating"]], index=False)
    return hashlib.blake2b(rows.to_numpy().tobytes(), digest_size=16).hexdigest()


def _dataset_inputs(inputs: Mapping[str, Any], place: str) -> Iterator[DatasetInput]:
    """The splits that a model's last node has read, as MLflow's datasets with a digest."""
    import pandas as pd
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = inputs.get("training_data")
    if data is None:
        return
    sizes = dict(data.sizes)
    splits = dict.fromkeys(sizes, data.fingerprint)
    if isinstance(test := inputs.get("test"), pd.DataFrame):
        splits["test"] = digest_of(test)
        sizes["test"] = len(test)
    for split, digest in splits.items():
        source = json.dumps({"uri": f"data/05_model_input/{place}/{split}.parquet"})
        profile = json.dumps({"num_rows": int(sizes[split]), "fingerprint": data.fingerprint})
        yield DatasetInput(
            Dataset(f"{place}/{split}", digest, "local", source, profile=profile),
            [InputTag("mlflow.data.context", split)],
        )


def _curves(history: Mapping[str, Any]) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of the RMSE curves and of a model's own ones."""
    own = history.get("curves", {})
    curves = {name: history.get(name, []) for name in ("train_rmse", "validation_rmse")} | own
    steps = history.get("steps", [])
    points = {name: list(zip(steps, values, strict=False)) for name, values in curves.items()}
    if refit := history.get("refit"):
        points |= {f"refit_{name}": curve for name, curve in _curves(refit).items() if curve}
    return points


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names with texts."""
    if hasattr(values, "__dict__") and not isinstance(values, type):
        values = vars(values)
    if not isinstance(values, Mapping):
        yield prefix, str(values)
        return
    for name, value in values.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))
