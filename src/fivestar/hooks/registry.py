"""The champion of a run as a version of the registered model, and who gets the alias."""

from __future__ import annotations

import json
import logging
import math
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from fivestar import __version__
from fivestar.config import loader_of
from fivestar.errors import InputError
from fivestar.hooks.line_up import SPARK
from fivestar.hooks.store import open_store, store_lock
from fivestar.hooks.tracking import digest_of
from fivestar.lineage.files import local_files, state
from fivestar.serving.rule import Measured, alias_of, decide

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models.signature import ModelSignature
    from mlflow.tracking import MlflowClient

    from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

NAME = "fivestar"
"""Of the registered model."""
CODE = Path(__file__).parents[1] / "serving/served_model.py"


class RegistryHook:
    """Registers the champion once its submission is written.

    A version holds the champion and the training data, once each, so it can be served from any
    folder. One that is there already, to the last bit, is not registered again.
    """

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._project = Path(context.project_path)
        self._place: str = loader_of(context).place
        self._is_spark = loader_of(context)["parameters"]["engine"] == SPARK
        self._alias = alias_of(self._place, str(loader_of(context).default_run_env))

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        is_there = run_params.get("only_missing_outputs") and catalog.exists("submission")
        # Those of Spark are no folders that `fivestar.load` reads.
        can_be = "submission" in pipeline.all_outputs() and not self._is_spark
        self._registers = can_be and not is_there

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol) -> None:
        if self._registers:
            name = str(catalog.load("leaderboard")["model"].iloc[0])
            data = catalog.load("training_data")
            with tempfile.TemporaryDirectory() as folder:
                layers = Path(folder) / "data"
                digest = _collect(name, catalog, layers, self._place, data)
                tags = {
                    **_measured(name, catalog, data).tags,
                    **{"place": self._place, "fingerprint": data.fingerprint},
                    **{"kedro_run": run_params["run_id"], "digest": digest},
                }
                client, experiment = open_store(self._project)
                with store_lock(self._project):
                    self._register(client, experiment, tags, layers, data)

    def _register(
        self,
        client: MlflowClient,
        experiment: str,
        tags: dict[str, str],
        layers: Path,
        data: TrainingData,
    ) -> None:
        """Make a version, unless there is the same, and give it the alias if it is better.

        The same may be left without by a run that was killed before it gave the alias.
        """
        if not client.search_registered_models(f"name = '{NAME}'", max_results=1):
            client.create_registered_model(NAME, description="The champions of runs.")
        same = client.search_model_versions(
            f"name = '{NAME}' and tags.digest = '{tags['digest']}'", max_results=1
        )
        present = find_version(client, self._alias)
        if same and present and same[0].version == present.version:
            logger.info("registry: the champion is version %s already", present.version)
            return
        taken_over, reason = decide(
            Measured.of(tags),
            Measured.of(present.tags) if present else None,
            present.version if present else "",
        )
        tags["reason"] = f"{self._alias} {'taken over' if taken_over else 'kept'}: {reason}"
        if same:
            version = str(same[0].version)
        else:
            version = _log_version(client, experiment, tags, layers, data)
        if taken_over:
            client.set_registered_model_alias(NAME, self._alias, version)
        logger.info("registry: version %s, %s", version, tags["reason"])


def _measured(name: str, catalog: CatalogProtocol, data: TrainingData) -> Measured:
    """The champion's figure, and the fingerprint of the ratings that it is of."""
    row = catalog.load("leaderboard").set_index("model").loc[name]
    if math.isnan(row["test_rmse"]):  # the test ratings are not known
        value = float(row["validation_rmse"])
        return Measured(name, "validation_rmse", value, data.fingerprint)
    return Measured(name, "test_rmse", float(row["test_rmse"]), digest_of(catalog.load("test")))


def _collect(
    name: str, catalog: CatalogProtocol, layers: Path, place: str, data: TrainingData
) -> str:
    """Copy the model and its data into the layers of the project; the digest of the model."""
    for layer, names in (
        (f"05_model_input/{place}", ("training_data", "item_table")),
        (f"06_models/{place}/{name}", (f"{name}.model",)),
    ):
        folder = layers / layer
        folder.mkdir(parents=True)
        for dataset in names:
            for file in local_files(catalog.get(dataset)):
                if file.exists():
                    shutil.copy(file, folder)
    model = folder / "model.json"
    if not model.exists() or not data.is_of(json.loads(model.read_text("utf-8"))["trained_on"]):
        raise InputError(
            f"{name}: the trained model is missing or of other data, so it cannot be registered. "
            "Make it again: kedro run --only-missing-outputs"
        )
    whole = state(layers)
    assert whole is not None
    return str(whole[2])


def find_version(client: MlflowClient, alias: str) -> ModelVersion | None:
    """The version that has the alias, if any."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(NAME, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _log_version(
    client: MlflowClient, experiment: str, tags: dict[str, str], layers: Path, data: TrainingData
) -> str:
    """MLflow's model folder, logged beside the model's run; the number of its version."""
    from unittest.mock import patch  # here: what it imports would delay every command

    import pandas as pd
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    runs = client.search_runs(
        [experiment],
        " and ".join(f"tags.{tag} = '{tags[tag]}'" for tag in ("model", "place", "fingerprint")),
        max_results=1,
    )
    run = runs[0].info.run_id if runs else None
    logged = client.create_logged_model(experiment, NAME, source_run_id=run, tags=tags)
    vocabulary = data.vocabulary
    example = pd.DataFrame({"user": vocabulary.users[:1], "item": vocabulary.items[:1]})
    # MLflow would read the files of every installed package, for seconds, to warn if it differs.
    unchecked = patch("mlflow.utils.environment.warn_dependency_requirement_mismatches")
    with tempfile.TemporaryDirectory() as folder, unchecked:
        path = Path(folder) / "model"
        save_model(
            path,
            python_model=CODE,
            artifacts={"data": str(layers)},
            mlflow_model=Model(NAME, run, model_id=logged.model_id),
            signature=_signature(),
            input_example=example,
            pip_requirements=[f"fivestar=={__version__}"],
        )
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    source = logged.artifact_location
    version = client.create_model_version(NAME, source, run, tags, model_id=logged.model_id)
    return str(version.version)


def _signature() -> ModelSignature:
    """See ``fivestar.serving.answers.answer``."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    def schema(**types: str) -> Schema:
        return Schema([ColSpec(kind, name, required=False) for name, kind in types.items()])

    return ModelSignature(
        schema(user="string", item="string", title="string", rating="double"),
        schema(prediction="double", low="double", high="double", fallback="boolean"),
        ParamSchema([ParamSpec("n", "long", 0)]),
    )
