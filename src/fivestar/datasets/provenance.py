"""What made a result: the state of the code, the machine, the time."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from fivestar.lineage.revision import git_revision

LIBRARIES = ("fivestar", "kedro", "mlflow", "numpy", "pandas", "scipy", "torch")


class Provenance(AbstractDataset[None, "dict[str, str]"]):
    """Loads what a report says about its own making; it is read only.

    Parameters
    ----------
    project
        A folder of the git checkout.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(self, *, project: str = ".", metadata: dict[str, Any] | None = None) -> None:
        self.project = Path(project)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        return {
            "time": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "git_revision": git_revision(self.project),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        }

    def save(self, data: None) -> NoReturn:
        raise DatasetError("where a result comes from is read only")

    def _describe(self) -> dict[str, Any]:
        return {"project": str(self.project)}
