"""From a run to answers over HTTP: the registry, the registered model, MLflow's server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow.entities.model_registry import ModelVersion
from mlflow.pyfunc import load_model, scoring_server
from mlflow.tracking import MlflowClient

import fivestar
from fivestar.datasets import TextTable
from fivestar.errors import InputError
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.pipelines.scoring.nodes import score
from fivestar.recommender import Recommender
from fivestar.serving.__main__ import _prepare
from fivestar.serving.guard import App, Guard

from ..project import make_project, run

LIMIT = 5000
INGESTION: dict[str, Any] = {
    "columns": {"user": "u", "item": "i", "rating": "r"},
    **{"duplicates": "error", "test_duplicates": "error", "k_core": 0},
}
Post = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a model, a better one, a worse one, and the latter's submission once more."""
    project = make_project(tmp_path_factory.mktemp("served"))
    stages = ["ingestion", "splitting", "training", "evaluation", "submission"]
    for model, names in (
        ("als", stages),
        ("bias", stages[2:]),
        ("item_mean", stages[2:]),
        ("item_mean", stages[4:]),
    ):
        run(project, params={"line_up": [model]}, pipeline_names=names)
    return project


@pytest.fixture(scope="module")
def client(project: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{project.resolve()}/mlruns/mlflow.db")


@pytest.fixture(scope="module")
def versions(client: MlflowClient) -> dict[str, ModelVersion]:
    return {str(each.version): each for each in client.search_model_versions("name = 'fivestar'")}


@pytest.fixture(scope="module")
def recommender(project: Path) -> Recommender:
    return fivestar.load(project / "data/06_models/demo/bias")


@pytest.fixture(scope="module")
def post(project: Path) -> Post:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.resolve()}/mlruns/mlflow.db")
        served = load_model("models:/fivestar@champion", suppress_warnings=True)
    app = Guard(scoring_server.init(served), LIMIT)

    def post(body: Any, **headers: str) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(_asked(app, content, {"content-type": "application/json", **headers}))

    return post


def test_the_champion_is_the_best_version_and_a_worse_one_says_why_it_is_not(
    client: MlflowClient, versions: dict[str, ModelVersion]
) -> None:
    told = {number: version.tags["reason"] for number, version in versions.items()}
    assert told["1"].startswith("champion taken over: als, test RMSE")
    assert told["2"].startswith("champion taken over: bias, test RMSE")
    assert told["3"].startswith("champion kept: item_mean, test RMSE")
    assert "no better than that of version 2 (bias, test RMSE" in told["3"]
    assert str(client.get_model_version_by_alias("fivestar", "champion").version) == "2"


def test_the_same_champion_again_is_no_new_version(versions: dict[str, ModelVersion]) -> None:
    assert sorted(versions) == ["1", "2", "3"]


def test_a_version_knows_its_data_and_its_run(
    client: MlflowClient, versions: dict[str, ModelVersion], recommender: Recommender
) -> None:
    champion = versions["2"]
    assert champion.tags["place"] == "demo"
    assert champion.tags["fingerprint"] == recommender.data.fingerprint
    assert client.get_run(champion.run_id).data.tags["model"] == "bias"


def test_a_version_holds_code_and_one_model_and_no_pickle(
    versions: dict[str, ModelVersion],
) -> None:
    folder = Path(versions["2"].source.removeprefix("file://"))
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert [file.name for file in files].count("weights.safetensors") == 1
    known = {".py", ".json", ".npz", ".parquet", ".safetensors", ".txt", ".yaml", ""}
    assert {file.suffix for file in files} <= known
    assert (folder / "input_example.json").exists()
    assert "signature:" in (folder / "MLmodel").read_text()


def test_pairs_get_ratings_and_unknown_ids_are_marked(post: Post, recommender: Recommender) -> None:
    pairs = pd.DataFrame({"user": ["1", "nobody", "2"], "item": ["7", "7", "none"]})
    status, answer = post({"dataframe_records": pairs.to_dict("records")})
    expected = recommender.predict(pairs)
    assert status == 200
    assert [list(record) for record in answer["predictions"]] == [
        ["prediction", "low", "high", "fallback"]
    ] * 3
    found = pd.DataFrame(answer["predictions"])
    np.testing.assert_allclose(found["prediction"], expected["prediction"], atol=1e-6)
    assert found["fallback"].tolist() == [False, True, True]
    assert found["low"].isna().all()  # of a model without intervals, and JSON has no NaN


def test_ids_may_be_numbers(post: Post) -> None:
    as_text, as_number = (
        post({"dataframe_records": [{"user": user, "item": item}]})
        for user, item in (("1", "7"), (1, 7))
    )
    assert as_number == as_text


def test_a_known_user_gets_the_best_items(post: Post, recommender: Recommender) -> None:
    status, answer = post({"dataframe_records": [{"user": "3"}], "params": {"n": 4}})
    assert status == 200
    expected = recommender.recommend("3", 4)
    assert [record["item"] for record in answer["predictions"]] == expected["item"].tolist()
    assert [record["rank"] for record in answer["predictions"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("by", ["item", "title"])
def test_a_new_user_is_folded_in(post: Post, recommender: Recommender, by: str) -> None:
    titles = {"Film 6": 5, "Film 7": 1}
    named = titles if by == "title" else {"7": 5, "8": 1}
    given = [{by: name, "rating": rating} for name, rating in named.items()]
    status, answer = post({"dataframe_records": given, "params": {"n": 3}})
    assert status == 200
    expected = recommender.for_new_user(titles, 3)
    assert [record["item"] for record in answer["predictions"]] == expected["item"].tolist()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no json", "JSON"),
        (b"\xff\xfe", "JSON"),
        ([1], "JSON dictionary"),
        ({}, "dataframe_records"),
        ({"dataframe_records": 7}, "list of records"),
        ({"dataframe_records": []}, "there are no records"),
        ({"dataframe_records": [{"user": "1"}]}, "no 'item'"),
        ({"dataframe_records": [{"user": "1", "itm": "7"}]}, "no 'item'"),
        ({"dataframe_records": [{"item": "7"}], "params": {"n": 3}}, "needs a `rating`"),
        ({"dataframe_records": [{"user": 1.5, "item": "7"}]}, "record 1: user is 1.5"),
        ({"dataframe_records": [{"user": "1", "item": ["7"]}]}, "record 1: item is ['7']"),
        ({"dataframe_records": [{"user": "1", "item": "7"}, {"user": "1"}]}, "record 2: item"),
        ({"dataframe_records": [{"user": "1"}], "params": {"n": "x"}}, "'n'"),
        ({"dataframe_records": [{"user": "1"}], "params": {"n": -1}}, "n is -1"),
        ({"dataframe_records": [{"item": "7", "rating": 9}], "params": {"n": 1}}, "the scale"),
        ({"dataframe_records": [{"item": "7", "rating": "good"}], "params": {"n": 1}}, "'good'"),
        ({"dataframe_records": [{"item": "x", "rating": 4}], "params": {"n": 1}}, "id 'x'"),
    ],
)
def test_a_bad_body_is_told_what_is_wrong_and_nothing_of_the_machine(
    post: Post, project: Path, body: Any, told: str
) -> None:
    status, answer = post(body)
    assert status == 400
    assert told in answer["error"]
    assert "dataframe_records" in answer["hint"]
    for secret in ("Traceback", "site-packages", str(project), ".py"):
        assert secret not in str(answer)


def test_a_body_over_the_limit_is_refused_whether_it_says_its_length_or_not(post: Post) -> None:
    body = {"dataframe_records": [{"user": "1", "item": "7"}] * 500}
    length = str(len(json.dumps(body)))
    for headers in ({}, {"content-length": length}):
        status, answer = post(body, **headers)
        assert status == 413
        assert "more than 5,000 bytes" in answer["error"]


def test_a_body_that_is_no_json_by_its_header_is_refused(post: Post) -> None:
    assert post({}, **{"content-type": "text/html"})[0] == 415


def test_pairs_of_a_file_are_scored_by_the_champion_without_training(
    project: Path,
) -> None:
    champion = fivestar.load(project / "data/06_models/demo")
    weights = project / "data/06_models/demo/item_mean/weights.safetensors"
    before = weights.stat().st_mtime_ns
    (project / "pairs.csv").write_text("user,item,note\n1,7,a\n007,7,\n2,none,b\n")
    asked = {"line_up": ["item_mean"], "pairs_file": str(project / "pairs.csv")}
    run(project, params=asked, pipeline_names=["scoring"])
    scored = pd.read_csv(project / "data/07_model_output/demo/scored.csv", dtype={"user": str})
    own = ["prediction", "low", "high", "fallback"]
    assert scored.columns.tolist() == ["user", "item", "note", *own]
    assert scored["user"].tolist() == ["1", "007", "2"]
    assert scored["fallback"].tolist() == [False, True, True]
    assert scored["prediction"][0] == pytest.approx(champion.predict("1", "7"), abs=1e-6)
    assert weights.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user,movie\n1,2\n", "no column 'item' or 'i'; the file has 'user', 'movie'"),
        ("user,item\n", "no rows"),
        ("user,item\n1,\n", "column 'item': an empty id in row 1"),
    ],
)
def test_a_file_of_pairs_that_cannot_be_used_is_told(
    recommender: Recommender, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    pairs = TextTable(filepath=str(tmp_path / "pairs.csv")).load()
    settings = IngestionSettings(**INGESTION)
    model, data, items = recommender.trained, recommender.data, recommender.items
    with pytest.raises(InputError, match=f"pairs.csv: {told}"):
        score(pairs, "bias", model, data, items, settings)


def test_a_missing_file_of_pairs_is_told_with_what_to_write(project: Path) -> None:
    with pytest.raises(DatasetError, match=r"01_raw/demo/pairs.csv: no such file. Write the pairs"):
        run(project, params={"line_up": ["item_mean"]}, pipeline_names=["scoring"])


def test_serving_without_a_registered_model_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has the alias champion[.] Run `make run`"):
        _prepare(tmp_path, "champion")


async def _asked(app: App, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    """The status and the JSON of an answer to a request in this process."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "http_version": "1.1", "method": "POST", "path": "/invocations"},
        **{"query_string": b"", "root_path": "", "scheme": "http", "server": None, "client": None},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(content)
