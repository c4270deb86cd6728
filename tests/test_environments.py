"""Each data set's environment, on a few rows in exactly the format of its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.runner import SequentialRunner
from pydantic import TypeAdapter

from fivestar.config import ConfigLoader
from fivestar.pipelines import ingestion, splitting
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import Scale
from fivestar.settings import CONFIG_LOADER_ARGS

from .course_data import TEST_FEATURES, TRAINING, write_course_data

Run = Callable[..., dict[str, pd.DataFrame]]

CONF = Path(__file__).parents[1] / "conf"
PAIRS = [(str(user), str(item)) for user in range(1, 13) for item in range(1, 6)]
"""Twelve users rate five items each."""

TABLES = {
    "03_primary": ["ratings", "test_pairs", "users", "items"],
    "05_model_input": ["train", "validation", "test"],
}


PIPELINES = ingestion.create_pipeline() + splitting.create_pipeline()
SETTINGS = {"ingestion": IngestionSettings, "splitting": SplittingSettings, "scale": Scale}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    others = shutil.ignore_patterns("local", "catalog_[a-z]*")  # of pipelines that do not run here
    shutil.copytree(CONF, tmp_path / "conf", ignore=others)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loader(project: Path, env: str, params: dict[str, Any]) -> ConfigLoader:
    """The configuration as a run has it, without the hooks around a run."""
    return ConfigLoader(str(project / "conf"), env, runtime_params=params, **CONFIG_LOADER_ARGS)


@pytest.fixture
def ingest_and_split(project: Path) -> Run:
    """Run both pipelines in an environment and read the tables they write to its place."""

    def run(env: str, place: str | None = None, **params: Any) -> dict[str, pd.DataFrame]:
        config = loader(project, env, params)
        parameters = config["parameters"] = config["parameters"]  # read once
        assert config.place == (place or env)
        catalog = DataCatalog.from_config(config["catalog"])
        for name, settings in SETTINGS.items():
            value = TypeAdapter(settings).validate_python(parameters[name])
            catalog[f"params:{name}"] = MemoryDataset(value, copy_mode="assign")
        SequentialRunner().run(PIPELINES, catalog)
        return {
            name: pd.read_parquet(project / "data" / layer / config.place / f"{name}.parquet")
            for layer, names in TABLES.items()
            for name in names
        }

    return run


@pytest.fixture
def write(project: Path) -> Callable[..., None]:
    """Write a raw file, each row's cells joined by the separator."""

    def write_raw(path: str, rows: list[Any], separator: str, encoding: str = "utf-8") -> None:
        text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
        (project / "data/01_raw" / path).parent.mkdir(parents=True, exist_ok=True)
        (project / "data/01_raw" / path).write_text(text, encoding=encoding, newline="")

    return write_raw


def assert_canonical(tables: dict[str, pd.DataFrame], n_ratings: int) -> None:
    ratings = tables["ratings"]
    assert len(ratings) == n_ratings
    assert ratings.columns.tolist()[:3] == ["user", "item", "rating"]
    assert ratings.dtypes[["user", "item"]].eq("str").all()
    assert ratings["rating"].dtype == "float64"
    for name in ("train", "validation"):
        assert tables[name].columns.tolist() == ratings.columns.tolist()
    of_test = tables["test"].columns.tolist()
    assert of_test[:4] == ["id", "user", "item", "rating"]
    assert of_test[4:] in ([], ["timestamp"])


def scale(project: Path, place: str) -> list[float]:
    path = project / "data/08_reporting" / place / "ratings_summary.json"
    summary = json.loads(path.read_text())
    return list(summary["scale"])


@pytest.mark.parametrize("fold", [None, 4])
def test_ml_100k_trains_on_the_base_and_tests_on_the_test_split_of_a_fold(
    write: Callable[..., None], ingest_and_split: Run, project: Path, fold: int | None
) -> None:
    n = fold or 1
    base, test = PAIRS[n:], PAIRS[:n]
    write(f"ml-100k/u{n}.base", [(*pair, 4, 881250949) for pair in base], "\t")
    write(f"ml-100k/u{n}.test", [(*pair, 2, 881250950) for pair in test], "\t")
    users = [(1, 24, "M", "technician", "85711"), (2, 53, "F", "other", "T8H1N")]
    write("ml-100k/u.user", users, "|")
    flags = [int(n in {2, 17}) for n in range(19)]  # Adventure and War
    films = [
        (1, "Am\u00e9lie, la vie (1994)", "01-Jan-1995", "", "http://film?Am%E9lie", *flags),
        (2, "unknown", "", "", "", 1, *[0] * 18),
    ]
    write("ml-100k/u.item", films, "|", encoding="latin-1")
    place = f"ml-100k/fold-{n}"
    tables = ingest_and_split("ml-100k", place, **({} if fold is None else {"fold": fold}))

    assert_canonical(tables, len(base))
    assert tables["ratings"]["timestamp"].unique().tolist() == [881250949]
    assert list(zip(tables["test"]["user"], tables["test"]["item"], strict=True)) == test
    assert tables["test"]["id"].tolist() == list(range(n))
    assert (tables["test"]["rating"] == 2).all()
    assert len(tables["train"]) + len(tables["validation"]) == len(base)
    assert scale(project, place) == [1, 5]
    assert tables["users"].iloc[1].tolist() == ["2", 53, "F", "other", "T8H1N"]
    items = tables["items"].set_index("item")
    assert items.loc["1", "title"] == "Am\u00e9lie, la vie (1994)"
    assert items["year"].tolist()[:1] == [1995]
    assert items["year"].isna().tolist() == [False] + [True] * 4
    assert [list(genres) for genres in items["genres"]] == [["Adventure", "War"], [], [], [], []]


def test_ml_100k_names_the_fold_s_file_that_is_not_there(
    write: Callable[..., None], ingest_and_split: Run
) -> None:
    write("ml-100k/u1.base", [(*pair, 4, 1) for pair in PAIRS], "\t")
    with pytest.raises(DatasetError, match=r"u6\.base: no such file"):
        ingest_and_split("ml-100k", "ml-100k/fold-6", fold=6)


@pytest.mark.parametrize("env", ["ml-latest-small", "ml-20m"])
def test_movielens_csv(
    write: Callable[..., None], ingest_and_split: Run, project: Path, env: str
) -> None:
    rows = [(*pair, [0.5, 5.0][n % 2], 964982703 + n) for n, pair in enumerate(PAIRS)]
    write(f"{env}/ratings.csv", [("userId", "movieId", "rating", "timestamp"), *rows], ",")
    films = [
        ("movieId", "title", "genres"),
        (1, '"American President, The (1995)"', "Comedy|Drama|Romance"),
        (2, '"""Great Performances"" Cats (1998)"', "Musical"),
        (3, "2001: A Space Odyssey (1968) ", "Sci-Fi"),
        (4, "Babylon 5", "(no genres listed)"),
    ]
    write(f"{env}/movies.csv", films, ",")
    tables = ingest_and_split(env)

    assert_canonical(tables, len(PAIRS))
    assert tables["ratings"]["rating"].unique().tolist() == [0.5, 5]
    assert scale(project, env) == [0.5, 5]
    assert tables["test_pairs"].empty
    assert len(tables["test"]) == 6
    assert tables["users"]["user"].tolist() == [str(n) for n in range(1, 13)]
    items = tables["items"]
    assert items["title"].tolist()[:4] == [
        *("American President, The (1995)", '"Great Performances" Cats (1998)'),
        *("2001: A Space Odyssey (1968)", "Babylon 5"),
    ]
    assert items["year"].tolist()[:3] == [1995, 1998, 1968]
    assert [len(genres) for genres in items["genres"]] == [3, 1, 1, 0, 0]


def test_ml_1m(write: Callable[..., None], ingest_and_split: Run, project: Path) -> None:
    write("ml-1m/ratings.dat", [(*pair, 5, 978300760) for pair in PAIRS], "::")
    write("ml-1m/users.dat", [(1, "F", 1, 10, "48067"), (2, "M", 56, 16, "02139-1234")], "::")
    films = [(1, 'Mis\u00e9rables, Les: "1" (1995)', "Drama|Musical"), (2, "It (1990)", "Horror")]
    write("ml-1m/movies.dat", films, "::", encoding="latin-1")
    tables = ingest_and_split("ml-1m")

    assert_canonical(tables, len(PAIRS))
    assert scale(project, "ml-1m") == [1, 5]
    users = tables["users"].set_index("user")
    assert users.loc["2", ["age", "gender", "zip_code"]].tolist() == [56, "M", "02139-1234"]
    assert tables["items"]["title"][0] == 'Mis\u00e9rables, Les: "1" (1995)'
    assert tables["items"]["year"].tolist()[:2] == [1995, 1990]
    assert list(tables["items"]["genres"][0]) == ["Drama", "Musical"]


def test_book_crossing_puts_split_entities_and_titles_together(
    write: Callable[..., None], ingest_and_split: Run, project: Path
) -> None:
    rows = [(*pair, "10.000000") for pair in PAIRS]
    write("book-crossing/book_ratings.dat", [("user", "item", "rating"), *rows], "\t")
    users = [
        ("User-ID", "Location", "Age"),
        (1, "minneapolis, minnesota, usa", 24, ""),
        (2, "rennes, bretagne, france", "NULL", ""),
    ]
    write("book-crossing/users_info.dat", users, "\t")
    urls = [f"http://images/P/0393045218.01.{size}.jpg" for size in ("T", "M", "L")]
    books = [
        (
            *("Book_ID", "ISBN", "Book-Title", "Book-Author", "Year-Of-Publication"),
            *("Publisher", "Image-URL-S", "Image-URL-M", "Image-URL-L"),
        ),
        (1, "0393045218", "The Mummies", "E. J. Barber", 1999, "W. W. Norton &amp\t Co", *urls, ""),
        (2, "039304521X", "Ben &amp", " Jerry's", "Ben Cohen", 0, "Simon &amp", "", *urls, ""),
        (3, "0374512647", "Ripening Seed (Noonday", " 506)", "Colette", 1975, "Farrar", *urls, ""),
    ]
    write("book-crossing/items_info.dat", books, "\t")
    tables = ingest_and_split("book-crossing")

    assert_canonical(tables, len(PAIRS))
    assert "timestamp" not in tables["ratings"]
    assert scale(project, "book-crossing") == [1, 10]
    assert tables["users"]["age"].tolist()[:1] == [24]
    assert tables["users"]["age"].isna().tolist() == [False] + [True] * 11
    assert tables["users"]["location"][1] == "rennes, bretagne, france"
    items = tables["items"]
    assert items["title"].tolist()[:3] == [
        *("The Mummies", "Ben & Jerry's", "Ripening Seed (Noonday 506)"),
    ]
    assert items["author"].tolist()[:3] == ["E. J. Barber", "Ben Cohen", "Colette"]
    assert items["publisher"].tolist()[:3] == ["W. W. Norton & Co", "Simon &", "Farrar"]
    assert items["year"].isna().tolist() == [False, True, False, True, True]
    assert items["isbn"].tolist()[:2] == ["0393045218", "039304521X"]


def test_amazon_books_keeps_ids_and_the_order_of_the_test_pairs(
    ingest_and_split: Run, project: Path
) -> None:
    training, test = write_course_data(project / "data/01_raw/amazon-books")
    tables = ingest_and_split("amazon-books")

    assert_canonical(tables, len(training))
    assert scale(project, "amazon-books") == [1, 5]
    assert tables["ratings"]["user"].tolist() == training["User"].tolist()
    assert tables["ratings"]["item"].tolist() == training["ASIN"].tolist()
    assert {"0373778295", "B00APSWJM4"} <= set(tables["ratings"]["item"])
    for name in ("test_pairs", "test"):
        assert tables[name]["id"].tolist() == test["ID"].tolist()
        assert tables[name]["item"].tolist() == test["ASIN"].tolist()
        assert tables[name]["rating"].isna().all()
    assert len(tables["train"]) + len(tables["validation"]) == len(training)
    assert tables["users"].columns.tolist() == ["user"]
    assert tables["items"].columns.tolist() == ["item"]


def test_amazon_books_without_its_files_says_which_are_missing(ingest_and_split: Run) -> None:
    with pytest.raises(DatasetError, match=f"{TRAINING}: no such file"):
        ingest_and_split("amazon-books")


def test_amazon_books_with_ratings_cut_off_names_the_row(
    ingest_and_split: Run, project: Path
) -> None:
    write_course_data(project / "data/01_raw/amazon-books")
    path = project / "data/01_raw/amazon-books" / TEST_FEATURES
    path.write_text(path.read_text() + "17,A3NDST1X8JVAP7\n")
    with pytest.raises(
        DatasetError, match=r"features\.csv: not 3 cells in every row: row \d+ \(line"
    ):
        ingest_and_split("amazon-books")


def test_a_setting_on_the_command_line_leaves_the_environments_and_bases_others_alone(
    project: Path,
) -> None:
    params = {"models": {"als": {"n_factors": 7}}, "splitting": {"seed": 1}}
    found = loader(project, "amazon-books", params)["parameters"]
    assert found["models"]["als"] == {"family": "als", "n_factors": 7}
    assert found["models"]["bias"] == {"family": "bias"}
    assert found["splitting"]["method"] == "stratified"
    assert found["ingestion"]["columns"]["item"] == "ASIN"


def files(project: Path) -> dict[str, bytes]:
    data = project / "data"
    paths = (path for layer in data.glob("0[2-8]_*") for path in layer.rglob("*"))
    return {str(path.relative_to(data)): path.read_bytes() for path in paths if path.is_file()}


def test_an_environment_needs_to_name_its_ratings_only_and_has_a_place_of_its_own(
    project: Path, ingest_and_split: Run
) -> None:
    for env in ("mine", "yours"):
        (project / "conf" / env).mkdir()
        (project / "conf" / env / "catalog.yml").write_text(
            f"ratings_raw: {{type: fivestar.datasets.TextTable, filepath: {env}.csv}}\n"
        )
        rows = "".join(f"{user},{item},{1 + user % 5}\n" for user in range(20) for item in "abcd")
        (project / f"{env}.csv").write_text("user,item,rating\n" + rows)
    tables = ingest_and_split("mine")
    assert len(tables["ratings"]) == 80
    assert tables["users"].columns.tolist() == ["user"]
    mine = files(project)
    ingest_and_split("yours")
    both = files(project)
    assert {name: both[name] for name in mine} == mine
    assert {Path(name).parts[1] for name in both.keys() - mine.keys()} == {"yours"}
