"""The pictures of the training ratings: their figures, and clicks in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fivestar.pipelines.exploration import charts, linked, tables
from fivestar.pipelines.exploration.bins import (
    MAX_BARS,
    count_cut,
    cut,
    edges,
    round_step,
    scale_cut,
)
from fivestar.pipelines.exploration.features import OTHER, UNKNOWN, categories
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix
from fivestar.reporting.charts import COLORS, MAX_MARKS, Chart

from ..browser import BrowserPage, browser_page
from ..project import ROOT, make_project, run

FOLDER = "data/08_reporting/demo/exploration"
PAGE = "data/08_reporting/demo/exploration.html"
CHARTS = [
    *("rating_counts", "ratings_per_user", "ratings_per_item", "item_means", "crosstab"),
    *("ratings_over_time", "mean_over_time", "linked_users", "linked_items"),
]
SCALE = Scale(1, 5)
SETTINGS = ExplorationSettings(n_users=25, n_items=25, most_categories=40, seed=42)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With timestamps, people, titles (an odd one too), years and genres."""
    project = make_project(tmp_path_factory.mktemp("exploration"))
    file = project / "data/01_raw/demo/ml-100k.item"
    file.write_text(file.read_text().replace("Film 7\t", 'A "<b>Film</b>" & </script> \u2603\t'))
    run(project, pipeline_names=["ingestion", "splitting", "exploration"])
    return project


@pytest.fixture(scope="module")
def page(project: Path) -> Iterator[BrowserPage]:
    with browser_page() as visit:
        visit.open(project / PAGE)
        yield visit


def train_of(project: Path) -> pd.DataFrame:
    return pd.read_parquet(project / "data/05_model_input/demo/train.parquet")


def some_train(n_users: int = 12, n_items: int = 8, share: float = 0.6) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    users, items = np.nonzero(rng.random((n_users, n_items)) < share)
    table = pd.DataFrame({"user": users, "item": items}).astype("str")
    return table.assign(rating=rng.integers(1, 6, len(table)).astype(float))


def some_data() -> TrainingData:
    """One rating."""
    ids = Vocabulary(pd.Index(["u"]), pd.Index(["i"]))
    one, none = (csr_matrix(*(np.zeros(n, dtype=np.intp),) * 2, np.ones(n), (1, 1)) for n in (1, 0))
    return TrainingData(one, none, ids, Features(none, none), SCALE, "demo")


def rows_of(chart: Chart) -> list[dict[str, Any]]:
    """All rows of a picture's data."""
    return [row for table in chart.to_dict()["datasets"].values() for row in table]


# -- the run


def test_every_picture_is_a_file_that_a_previewer_can_show(project: Path) -> None:
    for name in CHARTS:
        specification = json.loads((project / FOLDER / f"{name}.json").read_text())
        assert "vega-lite" in specification["$schema"]
        assert "demo, split " in specification["title"]["subtitle"]
        assert any(specification["datasets"].values())


def test_tables_count_the_training_ratings_and_no_others(project: Path) -> None:
    train = train_of(project)
    for name in ("user", "item"):
        table = pd.read_parquet(project / FOLDER / f"{name}s.parquet").set_index(name)
        counts = train.groupby(name)["rating"].agg(["size", "mean"]).loc[table.index]
        assert table["n_ratings"].tolist() == counts["size"].tolist()
        assert table["mean_rating"].to_numpy() == pytest.approx(counts["mean"].to_numpy())
        assert len(table) == train[name].nunique()
        assert table["n_ratings"].is_monotonic_decreasing
    counts = pd.read_parquet(project / FOLDER / "rating_counts.parquet")
    assert counts["n_ratings"].tolist() == train["rating"].value_counts().sort_index().tolist()
    periods = pd.read_parquet(project / FOLDER / "periods.parquet")
    assert periods["n_ratings"].sum() == len(train)
    summary = json.loads((project / FOLDER / "summary.json").read_text())
    assert summary["n_ratings"] == len(train)
    assert summary["mean_rating"] == pytest.approx(train["rating"].mean(), abs=1e-6)
    assert summary["standard_deviation"] == pytest.approx(train["rating"].std(ddof=0), abs=1e-6)
    assert summary["density"] == pytest.approx(
        len(train) / (train["user"].nunique() * train["item"].nunique())
    )
    assert summary["first"] == summary["last"] == "1997-12-04"


def test_the_crosstab_is_that_of_pandas(project: Path) -> None:
    train = train_of(project)
    pairs = pd.read_parquet(project / FOLDER / "pairs.parquet")
    users, items = (pd.unique(pairs[name]) for name in ("user", "item"))
    assert len(users) == len(items) == 25
    counts = train["user"].value_counts()
    assert counts[users].min() >= counts.drop(users).max()
    whole = pd.crosstab(train["item"], train["user"], values=train["rating"], aggfunc="mean")
    shown = pairs.pivot_table(index="item", columns="user", values="rating")
    pd.testing.assert_frame_equal(
        shown.loc[items, users], whole.loc[items, users], check_names=False
    )
    assert pairs["rating"].isna().any(), "a pair that is not rated is a blank cell"


# -- the page in a browser


def test_the_page_is_drawn_without_a_network(page: BrowserPage) -> None:
    assert page.charts() == CHARTS
    assert page.page.locator(".lead").inner_text().startswith("demo, split ")
    assert page.blank() == []
    assert page.errors == []
    assert page.outside == []


def drawn(page: BrowserPage, chart: str, field: str) -> dict[str, int]:
    """Numbers of the coloured bars, by the field's value."""
    marks = [m for m in page.marks(chart) if m["fill"] == COLORS[0] and field in m]
    return {mark[field]: mark["number"] for mark in marks}


def expected(table: pd.DataFrame, chosen: pd.Series) -> tuple[dict[str, int], dict[str, int]]:
    """Histograms of counts and means of the chosen rows, by pandas."""
    part = table[chosen]
    ratings = count_cut(table["n_ratings"])[chosen].astype("str").value_counts()
    low = np.clip(((part["mean_rating"] - 1) / 0.2 + 1e-9).astype(int), 0, 19)
    means = low.map(lambda n: f"{1 + 0.2 * n:.3g}\u2013{1.2 + 0.2 * n:.3g}").value_counts()
    return ratings.to_dict(), means.to_dict()


def test_choosing_an_occupation_filters_the_histograms(project: Path, page: BrowserPage) -> None:
    table = pd.read_parquet(project / FOLDER / "users.parquet")
    assert tables.features_of(table) == ["age", "gender", "occupation"], "and no zip code"
    everyone = expected(table, table["user"].notna())
    assert (drawn(page, "linked_users", "ratings"), drawn(page, "linked_users", "mean")) == everyone

    page.click("linked_users", {"feature_2": "student"})
    students = table["occupation"] == "student"
    assert 0 < students.sum() < len(table)
    chosen = (drawn(page, "linked_users", "ratings"), drawn(page, "linked_users", "mean"))
    assert chosen == expected(table, students)
    assert drawn(page, "linked_users", "feature_2") == {"student": students.sum()}
    texts = [mark["text"] for mark in page.marks("linked_users", mark="text")]
    assert texts == [f"{students.sum()} of {len(table)} users"]

    page.click("linked_users", {"feature_1": "F"})
    both = students & (table["gender"] == "F")
    assert drawn(page, "linked_users", "ratings") == expected(table, both)[0]

    page.click("linked_users", {"feature_2": "writer"}, shift=True)
    women = table["gender"] == "F"
    assert drawn(page, "linked_users", "ratings") == expected(table, women)[0]
    page.page.locator('[data-name="linked_users"] canvas').dblclick(position={"x": 300, "y": 120})
    assert drawn(page, "linked_users", "ratings") == everyone[0], "a double click shows all again"


def test_choosing_genres_counts_an_item_with_several_once(project: Path, page: BrowserPage) -> None:
    table = pd.read_parquet(project / FOLDER / "items.parquet")
    field = f"feature_{tables.features_of(table).index('genres')}"
    comedy, romance = (
        table["genres"].map({word}.issubset).astype(bool) for word in ("Comedy", "Romance")
    )
    assert (comedy & romance).any()
    page.click("linked_items", {field: "Comedy"})
    chosen = (drawn(page, "linked_items", "ratings"), drawn(page, "linked_items", "mean"))
    assert chosen == expected(table, comedy)
    page.click("linked_items", {field: "Romance"}, shift=True)
    chosen = (drawn(page, "linked_items", "ratings"), drawn(page, "linked_items", "mean"))
    assert chosen == expected(table, comedy | romance)
    assert page.errors == []


def test_a_finger_chooses_and_takes_away(project: Path) -> None:
    with browser_page(width=390, height=844, touch=True) as phone:
        phone.open(project / PAGE)
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
        for tapped, left in (("student", 1), ("writer", 2), ("student", 1)):
            phone.click("linked_users", {"feature_2": tapped})
            assert len(drawn(phone, "linked_users", "feature_2")) == left
        assert list(drawn(phone, "linked_users", "feature_2")) == ["writer"]


# -- data sets that lack something


def test_without_times_titles_and_side_tables_all_entries_are_there(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    conf = project / "conf/demo/parameters.yml"
    settings = yaml.safe_load(conf.read_text())
    del settings["ingestion"]["users"], settings["ingestion"]["items"]
    del settings["ingestion"]["columns"]["timestamp"]
    conf.write_text(yaml.safe_dump(settings))
    run(project, pipeline_names=["ingestion", "splitting", "exploration"])
    for name in ("ratings_over_time", "mean_over_time", "linked_users", "linked_items"):
        specification = json.loads((project / FOLDER / f"{name}.json").read_text())
        assert not any(specification["datasets"].values())
        assert "data set" in specification["title"]["subtitle"]
    html = (project / PAGE).read_text()
    for title, there in (
        ("A corner of the matrix", 1),
        ("Over time", 0),
        ("Users", 0),
        ("Items", 0),
    ):
        assert html.count(f"<h2>{title}</h2>") == there
    assert json.loads((project / FOLDER / "summary.json").read_text())["first"] is None


# -- tables


@pytest.mark.parametrize(
    ("scale", "given", "labels"),
    [
        (Scale(1, 5), [1, 2, 5, 5], ["1", "2", "3", "4", "5"]),
        (Scale(0.5, 2), [0.5, 1.5], ["0.5", "1", "1.5", "2"]),
        (Scale(1, 10), [4.0], None),
        (Scale(0, 100), list(np.linspace(0, 100, 777)), None),
        (Scale(-10, 10), [-9.97, 3.14], None),
    ],
)
def test_ratings_have_a_bar_each_or_share_one(
    scale: Scale, given: list[float], labels: list[str] | None
) -> None:
    table = tables.count_ratings(pd.DataFrame({"rating": given}), scale)
    assert table["n_ratings"].sum() == len(given)
    assert table["fraction"].sum() == pytest.approx(1, abs=1e-3)
    assert 2 <= len(table) <= MAX_BARS
    if labels:
        assert table["rating"].tolist() == labels


@pytest.mark.parametrize(
    ("days", "unit", "first_start"),
    [
        ([0, 3, 40], "day", "1997-12-05"),
        ([0, 500], "week", "1997-12-01"),
        ([0, 2000], "month", "1997-12-01"),
        ([0, 10000], "quarter", "1997-10-01"),
        ([0, 30000], "year", "1997-01-01"),
    ],
)
def test_periods_are_as_short_as_fits(days: list[int], unit: str, first_start: str) -> None:
    train = some_train().iloc[: len(days)]
    seconds = pd.Timestamp("1997-12-05 23:59").value // 10**9
    ratings = train.assign(timestamp=[seconds + 86_400 * day for day in days])
    table = tables.count_periods(ratings.sample(frac=1, random_state=0))
    assert table["unit"].unique().tolist() == [unit]
    assert len(table) <= tables.MAX_PERIODS
    assert table["start"].iloc[0] == first_start
    assert table["end"].tolist()[:-1] == table["start"].tolist()[1:]
    assert table["n_ratings"].sum() == len(days)
    assert table["mean_rating"].iloc[0] == ratings["rating"].iloc[0]
    assert table["mean_rating"].isna().any(), "no mean where nobody rated"
    assert (table["first"].iloc[0], table["last"].iloc[-1]) == (
        "1997-12-05",
        str(np.datetime64("1997-12-05") + days[-1]),
    )
    assert all(rows_of(chart) for chart in charts.draw_over_time(table, some_data()))


def test_items_of_one_title_are_two_rows_of_the_crosstab() -> None:
    items = pd.DataFrame({"item": [str(n) for n in range(8)], "shown": ["Emma"] * 2 + ["B"] * 6})
    items = items.assign(title=items["shown"], n_ratings=0, mean_rating=np.nan)
    described = tables.describe_items(some_train(), items, SETTINGS)
    users = tables.describe_users(some_train(), pd.DataFrame({"user": []}), SETTINGS)
    pairs = tables.cross(some_train(), users, described, SETTINGS)
    assert pairs["title"].nunique() == 8
    assert len(pairs) == 8 * 12
    assert set(pairs.loc[pairs["item"] == "0", "title"]) == {"Emma [0]"}


def test_a_feature_may_have_any_name() -> None:
    side = pd.DataFrame({"user": [str(n) for n in range(12)], "n_ratings": ["few", "many"] * 6})
    side["home.state[0]"] = ["a'b", 'c"d'] * 6
    users = tables.describe_users(some_train(), side, SETTINGS)
    assert tables.features_of(users) == ["n_ratings (side table)", "home.state[0]"]
    assert users["n_ratings"].sum() == len(some_train())
    rows = rows_of(linked.draw_one(users, "user", some_data(), SETTINGS))
    assert {row["feature_1"] for row in rows} == {"a'b", 'c"d'}


# -- categories


def test_categories_are_found_by_the_kind_of_the_column() -> None:
    n = 120
    table = pd.DataFrame(
        {
            "name": [f"person {k}" for k in range(n)],
            "zip.code": [f"{k // 2}" for k in range(n)],
            "country": ["all the same"] * n,
            "gender": pd.Series(["F", "M", "M", None] * (n // 4), dtype="str"),
            "age": pd.Series([*range(18, 68), np.nan] * 3).iloc[:n].astype(float),
            "stage": [1.0, 18.0, 56.0] * (n // 3),
            "genres": pd.Series([["a", "b"], ["a"], [], ["a", "a"]] * (n // 4)),
        }
    )
    found = categories(table, 40)
    assert list(found) == ["gender", "age", "stage", "genres"]
    assert found["gender"].cat.categories.tolist() == ["M", "F", UNKNOWN]
    assert found["age"].cat.categories[[1, -2, -1]].tolist() == [
        "20\u201324",
        "65\u201369",
        UNKNOWN,
    ]
    assert found["stage"].cat.categories.tolist() == ["1", "18", "56"]
    assert found["genres"].iloc[:4].tolist() == [["a", "b"], ["a"], [UNKNOWN], ["a"]]


def test_rare_words_of_a_list_are_one_category() -> None:
    table = pd.DataFrame({"tags": [["x", "y"]] * 3 + [["x", "rare"], ["z"]]})
    assert categories(table, 2)["tags"].iloc[3] == ["x", OTHER]


def test_a_table_of_ids_has_no_categories() -> None:
    assert categories(pd.DataFrame(index=range(5)), 40).shape == (5, 0)
    nothing_known = pd.DataFrame({"age": [np.nan] * 4, "words": [[], [], [], []]})
    assert categories(nothing_known, 40).shape == (4, 0)


# -- bins


def test_bins_hold_their_ends_and_all_beyond() -> None:
    means = scale_cut(pd.Series([1.0, 1.2, 4.9, 5.0, np.nan]), SCALE).astype(object)
    assert means.iloc[:4].tolist() == ["1\u20131.2", "1.2\u20131.4", "4.8\u20135", "4.8\u20135"]
    assert pd.isna(means.iloc[4])
    ages = cut(pd.Series([3, 20, 29, 99]), edges(20, 41, 10), whole=True)
    assert ages.astype(str).tolist() == ["under 30", "under 30", "under 30", "40 and more"]
    counts = count_cut(pd.Series([2, 3, 4, 5, 15, 16]))
    assert counts.astype(str).tolist() == [
        "2",
        "3",
        "4\u20135",
        "4\u20135",
        "11\u201315",
        "16\u201322",
    ]
    assert counts.cat.categories.tolist()[3:5] == ["6\u20137", "8\u201310"]


def test_steps_are_round() -> None:
    even = [round_step(span, 25, even=True) for span in (4, 4.5, 9)]
    assert even == pytest.approx([0.2, 0.25, 0.5])
    assert round_step(55, 10, whole=True) == 10
    assert round_step(3, 10, whole=True) == 1
    assert round_step(0.3, 10) == pytest.approx(0.05)


# -- limits


def test_large_data_is_sampled_and_the_picture_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    n = MAX_MARKS + 1000
    rng = np.random.default_rng(0)
    items = pd.DataFrame({"item": np.arange(n).astype(str), "title": np.arange(n).astype(str)})
    items["n_ratings"] = np.sort(rng.integers(1, 1000, n))[::-1]
    items["mean_rating"] = rng.uniform(1, 5, n)
    chart, again = (charts.draw_item_means(items, some_data(), SETTINGS) for _ in range(2))
    points = [row for row in rows_of(chart) if "title" in row]
    assert len(points) == MAX_MARKS
    assert {str(k) for k in range(charts.KEPT)} <= {point["title"] for point in points}
    assert f"{MAX_MARKS:,} of {n:,} items" in chart.to_dict()["title"]["subtitle"]
    assert points == [row for row in rows_of(again) if "title" in row]

    monkeypatch.setattr(linked, "MAX_ROWS", 100)
    chart = linked.draw_one(items.assign(group="a"), "item", some_data(), SETTINGS)
    rows = rows_of(chart)
    assert len(rows) <= 100
    assert sum(row["weight"] for row in rows) == 100
    assert f"100 items, a sample of {n:,}" in json.dumps(chart.to_dict()["vconcat"])


def test_equal_rows_are_one_with_a_weight() -> None:
    table = pd.DataFrame({"user": list("abcd"), "n_ratings": [3, 3, 3, 9], "mean_rating": 2.5})
    table["job"] = pd.Categorical(["x", "x", "y", "y"])
    rows = rows_of(linked.draw_one(table, "user", some_data(), SETTINGS))
    assert sorted(row["weight"] for row in rows) == [1, 1, 2]


def test_settings_are_those_of_the_configuration() -> None:
    text = (ROOT / "conf/base/parameters_exploration.yml").read_text()
    settings: dict[str, Any] = yaml.safe_load(text)["exploration"]
    assert ExplorationSettings(**settings) == SETTINGS
