"""MLflow's scoring server with the registered model that has an alias, behind the guard."""

from __future__ import annotations

import logging
import os

from fivestar.serving.guard import App, Guard

MODEL = "FIVESTAR_SERVED_MODEL"
"""Environment variable: the address of the model, such as ``models:/fivestar@champion``."""
LIMIT = "FIVESTAR_MAX_BODY"
"""Environment variable: bytes of a body."""


def create_app() -> App:
    """Called by each worker process; the alias is looked up again, the model loaded once."""
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    from mlflow.pyfunc import load_model, scoring_server

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it warns of what callers are told
    model = load_model(os.environ[MODEL], suppress_warnings=True)  # for they take seconds
    return Guard(scoring_server.init(model), int(os.environ[LIMIT]))
