"""What a person sees of a run: the leaderboard at the end, and where to look next."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from rich import box
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from fivestar.config import loader_of
from fivestar.errors import InputError
from fivestar.hooks.tracking import failures

if TYPE_CHECKING:
    import pandas as pd

    from fivestar.ratings import TrainingData

HEADINGS = {
    "validation_rmse": "validation\nRMSE",
    "validation_mae": "\nMAE",
    "test_rmse": "test\nRMSE ",
    "test_interval": "\ninterval",
    "test_mae": "\nMAE",
    "train_rmse": "train\nRMSE",
    "n_parameters": "free\nparameters",
    "fit_seconds": "fit\nseconds",
    "fallbacks": "fall-\nbacks",
}

TIME_AWARE = "told when the rating that is predicted was given; the others are not."
"""Of models that use times."""
WIDTH = 24
"""Of the column of what messages are about."""
WIDE = 115
"""Columns that the whole table takes; a narrower terminal is not shown MAE and interval."""
LIKE_THE_FIRST = "="
"""After a test RMSE that does not differ significantly from the first one."""


class TerminalHook:
    """Closes a run with its table; a run with failed models ends as an error."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._models: dict[str, Any] = context.params["models"]
        self._submission = f"data/07_model_output/{loader_of(context).place}/submission.csv"
        for handler in logging.getLogger("fivestar").handlers:
            if type(handler) is logging.StreamHandler:
                # Lines go above a progress bar instead of through it.
                handler.setStream(_AboveBars())
                handler.setFormatter(Columns("%(asctime)s  %(message)s", "%H:%M:%S"))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        if "leaderboard" in pipeline.all_outputs():
            from fivestar.models import uses_times  # heavy, and not needed by most commands

            show(
                catalog.load("leaderboard"),
                catalog.load("training_data"),
                submission=self._submission if "submission" in pipeline.all_outputs() else None,
                time_aware=[name for name, block in self._models.items() if uses_times(block)],
            )
        if "cross_validation_summary" in pipeline.all_outputs():
            show_cross_validation(
                catalog.load("cross_validation_summary"),
                catalog.load("cross_validation_description"),
            )
        left_out = failures(pipeline, self._models, catalog, skipped=True)
        if left_out:
            Console().print("Left out:", *_lines(left_out), sep="\n", soft_wrap=True)
        failed = failures(pipeline, self._models, catalog, skipped=False)
        if failed:
            reasons = "\n".join(_lines(failed))
            raise InputError(
                f"{len(failed)} of the models failed, the others are done:\n{reasons}\n"
                "Tracebacks are in info.log."
            )


def _lines(reasons: Mapping[str, str]) -> list[str]:
    return [f"  {model}: {reason}" for model, reason in reasons.items()]


def show(
    leaderboard: pd.DataFrame,
    data: TrainingData,
    *,
    submission: str | None,
    time_aware: Sequence[str] = (),
) -> None:
    """Print which data the leaderboard is of, and the leaderboard, the champion first.

    The models that use when a rating was given stand below a line.
    """
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    headings = {
        name: heading
        for name, heading in HEADINGS.items()
        if console.width >= WIDE or not name.endswith(("mae", "interval"))
    }
    table = _table(data.title)
    table.add_column("\nmodel", no_wrap=True)
    for heading in headings.values():
        table.add_column(heading, justify="right", no_wrap=True)
    like_the_first = leaderboard["differs_from_champion"].eq(False) & (leaderboard.index > 0)
    written = leaderboard.map(_cell)
    written["test_rmse"] += like_the_first.map({True: LIKE_THE_FIRST, False: " "})
    written["test_interval"] = written["test_rmse_low"] + "-" + written["test_rmse_high"]
    written["test_interval"] = written["test_interval"].str.strip("-")
    told_times = leaderboard["model"].isin(time_aware)
    for told, rows in written[["model", *headings]].groupby(told_times, sort=True):
        if told:
            table.add_section()
        for row in rows.itertuples(index=False):
            table.add_row(*row)
    console.print(table)
    if like_the_first.any():
        console.print(
            f"{LIKE_THE_FIRST} The test RMSE does not differ significantly from the first one.",
            soft_wrap=True,
        )
    if told_times.any():
        console.print(f"Below the line: {TIME_AWARE}", soft_wrap=True)
    if submission is not None:
        console.print(f"Submission: {submission}, by the first of the table.", soft_wrap=True)
    console.print(
        "Next: `make ui` shows the runs in MLflow, `make viz` the pipeline and its pictures."
    )


def show_cross_validation(summary: pd.DataFrame, description: dict[str, Any]) -> None:
    """Print means over the folds, each with its standard error."""
    table = _table(f"{description['dataset']}, {description['study']}")
    table.add_column("model", no_wrap=True)
    for heading in ("folds", "RMSE", "MAE"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary.to_dict("records"):
        means = (f"{row[m]:.4f} ± {row[f'{m}_standard_error']:.4f}" for m in ("rmse", "mae"))
        table.add_row(row["model"], str(row["folds"]), *means)
    Console().print(table)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}" if value < 10 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class Columns(logging.Formatter):
    """Aligns what a message is about, the text before its first colon, in a column."""

    def format(self, record: logging.LogRecord) -> str:
        about, colon, rest = record.getMessage().partition(": ")
        if not colon or len(about) > WIDTH:
            return super().format(record)
        aligned = copy.copy(record)
        aligned.msg, aligned.args = f"{about:<{WIDTH}} {rest}", None
        return super().format(aligned)


class _AboveBars:
    def write(self, text: str) -> None:
        tqdm.write(text, end="")

    def flush(self) -> None:
        """Nothing waits to be written."""
