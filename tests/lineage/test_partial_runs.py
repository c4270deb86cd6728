"""A partial run cannot lie: what it starts from is checked, what is stale is made again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fivestar.errors import InputError
from fivestar.pipelines.splitting import nodes

from ..project import fail_to_fit, make_project, mlflow_runs, run

MODELS = ["als", "bias"]
ZOO = [*MODELS, "item_mean"]
QUICK: dict[str, Any] = {"line_up": MODELS, "models": {"als": {"n_factors": 4, "n_steps": 4}}}
OTHER: dict[str, Any] = {"line_up": MODELS, "models": {"als": {"n_factors": 5, "n_steps": 4}}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("finished"))
    run(project, params=QUICK)
    return project


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "project"))


def change_a_rating(project: Path) -> None:
    path = project / "data/01_raw/demo/ml-100k.inter"
    header, first, *rest = path.read_text().splitlines()
    user, item, rating, timestamp = first.split("\t")
    first = "\t".join([user, item, "1" if rating != "1" else "2", timestamp])
    path.write_text("\n".join([header, first, *rest]) + "\n")


def written(project: Path) -> dict[str, int]:
    """When each output was written."""
    return {
        path.relative_to(project / "data").as_posix(): path.stat().st_mtime_ns
        for path in (project / "data").glob("0[2-8]_*/**/*")
        if path.is_file() and ".lineage" not in path.parts
    }


def redone(project: Path, **options: Any) -> set[str]:
    """Outputs that ``--only-missing-outputs`` writes, by their names below the layer."""
    before = written(project)
    run(project, only_missing_outputs=True, **options)
    after = written(project)
    gone = {name for name in before if name not in after}
    assert all(name.endswith("failure.json") for name in gone)
    return {name.split("/", 2)[2] for name in after if after[name] != before.get(name)}


def test_with_nothing_changed_nothing_is_redone(project: Path) -> None:
    n_runs = len(mlflow_runs(project))
    assert redone(project, params=QUICK) == set()
    assert len(mlflow_runs(project)) == n_runs


HEAVY = {"altair", "mlflow", "numba", "optuna", "scipy.stats", "sqlalchemy", "torch"}
"""Modules that take long to import."""
COMMAND = """
import sys
from kedro.framework.cli.cli import main
try:
    main()
finally:
    print(*sys.modules, sep="\\n")
"""


def test_with_nothing_to_do_no_heavy_library_is_imported(project: Path) -> None:
    (project / "conf/local").mkdir()
    (project / "conf/local/parameters.yml").write_text(yaml.dump(QUICK))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "run", "--only-missing-outputs"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Next: `make ui`" in done.stdout
    assert set(done.stdout.split()) & (HEAVY | {"pandas"}) == {"pandas"}


def test_another_setting_redoes_the_model_and_what_depends_on_it(project: Path) -> None:
    changed = redone(project, params=OTHER)
    assert "als/weights.safetensors" in changed
    assert {"als/predictions.parquet", "als/metrics.json", "leaderboard.csv"} <= changed
    assert {"submission.csv", "leaderboard.json"} <= changed
    assert not any(name.startswith(("bias/", "train", "vocabulary", "users")) for name in changed)
    assert redone(project, params=OTHER) == set()


def test_a_stage_alone_is_tracked_as_in_a_whole_run(project: Path) -> None:
    whole = {each.info.run_name: each.data for each in mlflow_runs(project)}
    run(project, params=QUICK, pipeline_names=["training"], namespaces=["bias"])
    alone = mlflow_runs(project)[0].data
    assert alone.params == whole["bias"].params
    assert alone.tags["split"] == whole["bias"].tags["split"] == "stratified"


def test_a_changed_raw_file_redoes_everything(project: Path) -> None:
    before = written(project)
    change_a_rating(project)
    assert redone(project, params=QUICK) == {name.split("/", 2)[2] for name in before}


def test_a_raw_file_of_the_same_content_redoes_nothing(project: Path) -> None:
    ratings = project / "data/01_raw/demo/ml-100k.inter"
    ratings.write_bytes(ratings.read_bytes())
    assert redone(project, params=QUICK) == set()


def test_a_step_of_a_higher_version_is_redone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes.split, "version", 3, raising=False)
    with pytest.raises(InputError, match=r"demo: made of other inputs \(step split 2, now 3\)"):
        run(project, params=QUICK, pipeline_names=["training"])


def test_a_model_that_took_too_long_is_tried_again_only_where_it_may_take_longer(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["als", "item_mean"]  # the latter has no steps that may be too slow
    limited: dict[str, Any] = {**QUICK, "line_up": models, "max_minutes": 1e-6}
    leaderboard = project / "data/08_reporting/demo/leaderboard.csv"
    run(project, params=limited)
    assert pd.read_csv(leaderboard)["model"].tolist() == ["item_mean"]
    assert {run.info.status for run in mlflow_runs(project)[:2]} == {"FINISHED", "KILLED"}
    capsys.readouterr()
    assert redone(project, params=limited) == set()
    assert "Left out:\n  als: als would take about 0.1 minutes" in capsys.readouterr().out

    changed = redone(project, params={**limited, "max_minutes": 10})
    assert {"als/model.json", "als/metrics.json", "leaderboard.csv", "submission.csv"} <= changed
    assert not any(name.startswith("item_mean/") for name in changed)
    assert sorted(pd.read_csv(leaderboard)["model"]) == models
    assert redone(project, params={**limited, "max_minutes": None}) == set()


@pytest.mark.parametrize(
    ("spoil", "pipeline", "told"),
    [
        (
            change_a_rating,
            "training",
            r"05_model_input/demo: made of other inputs \(ratings_raw \w{8}, now \w{8}",
        ),
        (
            lambda project: (project / "data/05_model_input/demo/test.parquet").unlink(),
            "evaluation",
            r"test\.parquet: is not there",
        ),
        (
            lambda project: (project / "data/08_reporting/demo/leaderboard.csv").write_text(
                "model,validation_rmse\nals,0.1\n"
            ),
            "submission",
            r"leaderboard\.csv: leaderboard\.csv changed since it was made",
        ),
        (
            lambda project: shutil.rmtree(project / "data/05_model_input/demo/.lineage"),
            "training",
            "nothing is recorded of what it was made of",
        ),
    ],
)
def test_what_a_partial_run_starts_from_is_refused(
    project: Path, spoil: Callable[[Path], Any], pipeline: str, told: str
) -> None:
    spoil(project)
    before = written(project)
    with pytest.raises(InputError, match=rf"(?s){told}.*kedro run .*--only-missing-outputs"):
        run(project, params=QUICK, pipeline_names=[pipeline])
    assert written(project) == before


def test_stale_settings_are_told_with_the_command_that_makes_them_fresh(project: Path) -> None:
    with pytest.raises(InputError) as refused:
        run(project, params=OTHER, pipeline_names=["evaluation"])
    assert "data/06_models/demo/als: made of other inputs" in str(refused.value)
    assert "params:models.als.n_factors 4, now 5" in str(refused.value)
    assert "bias" not in str(refused.value).replace("line_up=['als', 'bias']", "")
    assert "models.als.n_factors=5" in str(refused.value)


def test_outputs_of_another_place_are_refused(project: Path) -> None:
    """As after copying one fold's folder over another one's."""
    shutil.copytree(project / "conf/demo", project / "conf/other")
    for layer in ("03_primary", "05_model_input", "06_models"):
        shutil.copytree(project / f"data/{layer}/demo", project / f"data/{layer}/other")
    change_a_rating(project)  # the other data set's ratings, were it another file
    with pytest.raises(InputError, match="05_model_input/other: made of other inputs"):
        run(project, env="other", params=QUICK, pipeline_names=["training"])


def test_a_failed_model_is_tried_again(project: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fivestar.models.factorization.als.ALS._fit", fail_to_fit)
        with pytest.raises(InputError, match="als"):
            run(project, params=QUICK)
        with pytest.raises(InputError, match="als"):
            run(project, params=QUICK, only_missing_outputs=True)
    changed = redone(project, params=QUICK)
    assert "als/weights.safetensors" in changed or "als/model.json" in changed
    leaderboard = pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv")
    assert sorted(leaderboard["model"]) == MODELS


def test_the_zoo_compares_all_models_and_its_leaderboard_is_no_default_run_s(
    project: Path,
) -> None:
    blocks = {"line_up": MODELS, "models": {name: {"family": name} for name in ZOO}}
    blocks["models"]["als"] |= QUICK["models"]["als"]
    parameters = project / "conf/base/parameters_models.yml"
    kept = {"refit": True, "max_minutes": None}
    parameters.write_text(yaml.safe_dump({**kept, **blocks}))
    (project / "conf/base/parameters_ablation.yml").write_text(
        "ablation: {base: bias, variants: {unchanged: {}}}\n"
    )
    leaderboard = project / "data/08_reporting/demo/leaderboard.csv"
    own: dict[str, Any] = {"models": None}
    assert redone(project, params=own, pipeline_names=["zoo"]) >= {"item_mean/model.json"}
    assert sorted(pd.read_csv(leaderboard)["model"]) == sorted(ZOO)
    run(project, params=own, pipeline_names=["submission"])
    changed = redone(project, params=own)
    assert "leaderboard.csv" in changed
    assert not any(name.startswith(("als/", "bias/")) for name in changed)
    assert sorted(pd.read_csv(leaderboard)["model"]) == MODELS
