"""Whose recommendations the report shows."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


class ReportSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_report.yml explains them."""

    users: Texts
    n: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(0)]
