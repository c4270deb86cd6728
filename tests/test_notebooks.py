"""The notebooks run from top to bottom on what a run has left, and are committed clean."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .project import ROOT, make_project, run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("notebooks"))
    run(folder)
    run(folder, pipeline_names=["exploration", "recommendation"])
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    return folder


def test_there_are_three() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert names == ["compare_models", "explore", "recommend"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(
    project: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise a kernel on the machine would say which packages there are.
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setenv("IPYTHONDIR", str(project / "ipython"))
    monkeypatch.setitem(os.environ, "MLFLOW_DISABLE_TELEMETRY", "true")
    notebook = nbformat.read(project / "notebooks" / path.name, as_version=4)
    resources: dict[str, Any] = {"metadata": {"path": str(project / "notebooks")}}
    NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells[1:]), "every cell after the first shows something"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
