"""The file that MLflow logs as the model: code alone, which loads all else from artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

import fivestar
from fivestar.errors import InputError
from fivestar.serving.answers import Record, answer


class ServedRecommender(PythonModel):
    """A recommender behind MLflow's interface.

    Its artifact ``data`` is a folder with the layers of the project, in which there is one model
    and the training data of its place.
    """

    def load_context(self, context: PythonModelContext) -> None:
        (model,) = Path(context.artifacts["data"]).glob("06_models/**/model.json")
        self.recommender = fivestar.load(model.parent)

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> list[Record]:
        """See ``answer``; ``n`` is among the parameters."""
        try:
            return answer(self.recommender, model_input, **(params or {}))
        except InputError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from None


set_model(ServedRecommender())
