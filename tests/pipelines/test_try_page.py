"""The page to try a model: what it computes is what Python computes, in a real browser."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models import Model, build
from fivestar.pipelines.try_page.choosing import choose_regression, regression_of
from fivestar.pipelines.try_page.nodes import levels_of, make_contents, write_page
from fivestar.pipelines.try_page.packing import packed, unpacked
from fivestar.pipelines.try_page.questions import beliefs_of
from fivestar.pipelines.try_page.settings import TryPageSettings
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix, item_table

from ..browser import BrowserPage, browser_page

N_USERS, N_ITEMS = 60, 40
ALS = {"family": "als", "n_factors": 4, "n_steps": 5}
FAMILIES: list[tuple[dict[str, Any], Scale]] = [
    (ALS, Scale(0, 10)),
    ({**ALS, "clamp": False, "regularization": 0.0}, Scale(1, 5)),
    (
        {
            "family": "gradient_descent",
            "n_factors": 3,
            "n_steps": 30,
            "rating_scaling": "standardise",
        },
        Scale(0.5, 5),
    ),
    ({"family": "gradient_descent", "n_factors": 3, "n_steps": 30, "biases": False}, Scale(0, 10)),
    ({"family": "mf_sgd", "n_factors": 3, "n_steps": 3}, Scale(1, 5)),
    ({"family": "autoencoder", "hidden": [5], "n_steps": 3}, Scale(0, 10)),
]
OTHERS: list[dict[str, Any]] = [
    {"family": "bias"},
    {"family": "svd", "n_factors": 3, "n_steps": 5},
    {"family": "mf_gravity", "n_factors": 3, "n_steps": 5},
    {"family": "autoencoder", "direction": "user", "hidden": [5], "n_steps": 3},
    {"family": "gradient_descent", "rating_weights": "balanced", "n_factors": 3, "n_steps": 5},
]
SCRIPTS = [
    "</script><script>window.harm = 1</script>",
    "<img src=x onerror='window.harm = 1'>",
    "<!-- <script>",
]
TITLES = [*SCRIPTS, "Matrix, The", "Amélie", "Ocean's Eleven", "Alien", "Aliens", "Alien"]
YEARS = [1990] * 6 + [1979, 1986, 2030]


def some_data(scale: Scale) -> TrainingData:
    random = np.random.default_rng(0)
    known = random.random((N_USERS, N_ITEMS)) < np.linspace(0.9, 0.3, N_ITEMS)
    known[:, -1] = False  # an item without ratings
    taste = random.normal(size=(N_USERS, 2)) @ random.normal(size=(2, N_ITEMS))
    stars = np.clip(np.rint(3.5 + taste + random.normal(0, 0.4, taste.shape)), 1, 5)
    ratings = scale.lowest + (stars - 1) / 4 * (scale.highest - scale.lowest)
    users, items = np.nonzero(known)
    train, validation = (
        csr_matrix(users[one], items[one], ratings[users, items][one], known.shape)
        for one in (np.arange(len(users)) % 5 > 0, np.arange(len(users)) % 5 == 0)
    )
    ids = [f"u{n:02}" for n in range(N_USERS)], [f"i{n:02}" for n in range(N_ITEMS)]
    vocabulary = Vocabulary(*(pd.Index(each, dtype="str") for each in ids))
    none = Features(sparse.csr_array((N_USERS, 0)), sparse.csr_array((N_ITEMS, 0)))
    return TrainingData(train, validation, vocabulary, none, scale, place="demo")


def some_items(data: TrainingData) -> pd.DataFrame:
    titles = [*TITLES, *(f"Film {n}" for n in range(len(TITLES), N_ITEMS))]
    years = [*YEARS, *[2000] * (N_ITEMS - len(YEARS))]
    table = {"item": data.vocabulary.items, "title": titles, "year": years}
    return item_table(pd.DataFrame(table).astype({"year": "Int64"}), data)


def fitted(settings: dict[str, Any], data: TrainingData) -> Model:
    model = build({"bias_fallback": False, **settings})
    model.fit(data.ratings, scale=data.scale)
    model.trained_on = data.identity
    return model


def board(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"model": names, "validation_rmse": np.arange(len(names)) + 0.875})


def contents_of(model: Model, data: TrainingData, **settings: int) -> dict[str, Any]:
    chosen = TryPageSettings(**{"n_items": 100, "min_ratings": 20, **settings})
    return make_contents("own", model, board("own"), data, some_items(data), chosen)


DATA = some_data(Scale(1, 5))


@pytest.fixture(scope="module")
def als() -> Model:
    return fitted(ALS, DATA)


@pytest.fixture(scope="module")
def file(als: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("try") / "try.html"
    path.write_text(write_page(contents_of(als, DATA)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[None]:
    """One for all pages of this file."""
    with browser_page():
        yield


@pytest.fixture
def visit(file: Path, browser: None) -> Iterator[BrowserPage]:
    with browser_page() as visit:
        visit.page.goto(file.as_uri())
        yield visit
        assert visit.errors == []
        assert visit.outside == []


def text(visit: BrowserPage, selector: str) -> list[str]:
    return [" ".join(each.split()) for each in visit.page.locator(selector).all_inner_texts()]


# -- what it computes

RESULT = """pairs => {
  const given = new Map(pairs), solution = regression.solve(given);
  const predicted = regression.predictAll(solution);
  const parts = [...predicted.keys()].map(item => regression.contributions(solution, item));
  return {predicted: [...predicted].map(told),
          off: parts.map((own, item) => own.reduce((sum, part) => sum + part.adds,
                                                   regression.base(item)) - predicted[item]),
          parts: parts[0].map(part => part.adds)};
}"""


@pytest.mark.parametrize(("settings", "scale"), FAMILIES, ids=str)
def test_predictions_and_contributions_are_those_of_python(
    settings: dict[str, Any], scale: Scale, tmp_path: Path, browser: None
) -> None:
    data = DATA if scale == DATA.scale else some_data(scale)
    model, random = fitted(settings, data), np.random.default_rng(1)
    contents = contents_of(model, data)
    at = data.vocabulary.items.get_indexer(pd.Index(contents["ids"]))
    (tmp_path / "try.html").write_text(write_page(contents), encoding="utf-8")
    with browser_page() as visit:
        visit.page.goto((tmp_path / "try.html").as_uri())
        for n in (0, 1, 2, 5, 20, len(at)):
            rated = random.permutation(len(at))[:n]
            given = random.choice(contents["levels"], n)
            row = csr_matrix(np.zeros(n, int), at[rated], given, (1, N_ITEMS))
            own = model.fold_in(row).predict(np.zeros(len(at), int), at)
            pairs = [[int(item), float(level)] for item, level in zip(rated, given, strict=True)]
            found = visit.page.evaluate(RESULT, pairs)
            np.testing.assert_allclose(found["predicted"], own, atol=1e-3)
            np.testing.assert_allclose(found["off"], 0, atol=1e-6)
            _, parts = model.contributions(at[rated], given, int(at[0]))
            np.testing.assert_allclose(found["parts"], parts, atol=1e-3)


def test_it_asks_what_tells_most_given_the_answers(visit: BrowserPage, als: Model) -> None:
    n_ratings = DATA.n_ratings.to_numpy()
    known = np.argsort(-n_ratings, kind="stable")[: N_ITEMS - 1]
    regression = regression_of(als)
    assert regression is not None
    of_known = {"base": regression.base[known], "design": regression.design[known]}
    beliefs = beliefs_of(replace(regression, **of_known), n_ratings[known], N_USERS)
    answers: dict[bool, list[int]] = {True: [], False: []}
    for is_known in (True, False, False, True, True):
        gains = beliefs.gains()
        found = visit.page.evaluate("([r, s]) => questions.gains(r, s)", list(answers.values()))
        left = np.setdiff1d(beliefs.candidates, [*answers[True], *answers[False]])
        np.testing.assert_allclose(np.array(found)[left], gains[left], rtol=2e-3)
        asked = visit.page.evaluate("([r, s]) => questions.next(r, s)", list(answers.values()))
        assert asked == left[np.argmax(gains[left])]
        if is_known:
            beliefs.precision[asked] = 1
        beliefs.ask(asked)
        answers[is_known].append(asked)


FOUND = {
    "the matrix": ["Matrix, The"],
    "amelie": ["Amélie"],
    "OCEANS eleven": ["Ocean's Eleven"],
    "eleven": ["Ocean's Eleven"],
    "eleven oce": ["Ocean's Eleven"],
    "matirx": ["Matrix, The"],
    "matirx 1990": ["Matrix, The"],
    "alien": ["Alien (1979)", "Alien (2030)", "Aliens"],
    "alien 2030": ["Alien (2030)", "Alien (1979)", "Aliens"],
    "zzzzzz": [],
    "": [],
}


def test_titles_are_found_however_they_are_written(visit: BrowserPage) -> None:
    found = """asked => search.find(asked, 3).map(item => titleOf(contents, item))"""
    for asked, wanted in FOUND.items():
        titles = visit.page.evaluate(found, asked)
        assert len(titles) == len(wanted), asked
        assert all(title.startswith(own) for title, own in zip(titles, wanted, strict=True)), asked


# -- what one can do

PREDICTED = "() => contents.titles.map((title, item) => told(outcome.predicted[item]))"


def test_rating_changing_and_removing_change_what_is_predicted(visit: BrowserPage) -> None:
    page, seen = visit.page, [visit.page.evaluate(PREDICTED)]
    assert text(visit, "#best-heading") == ["Best for anyone"]
    asked = text(visit, "#question .title")[0]
    page.locator("#question .star").nth(4).click()
    seen.append(page.evaluate(PREDICTED))
    assert text(visit, "#question .title")[0] != asked
    assert text(visit, "#rated .title") == [asked]
    assert asked not in text(visit, "#best .title")
    assert "Because you gave" in " ".join(text(visit, "#best .reason"))
    page.locator("#rated .star").nth(0).click()
    seen.append(page.evaluate(PREDICTED))
    assert text(visit, "#rated .star[aria-checked=true]") == [""]
    assert page.locator("#rated [aria-checked=true]").get_attribute("aria-label") == "1 of 5"
    assert "1 of 5" in page.locator("[role=status]").inner_text()
    page.get_by_role("button", name=f"Remove the rating of {asked}").click()
    seen.append(page.evaluate(PREDICTED))
    assert seen[0] == seen[3]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(np.subtract(seen[one], seen[other])).max() > 0.05
    assert not page.locator("#your-ratings").is_visible()


def test_the_list_and_its_sums_are_what_was_computed(visit: BrowserPage) -> None:
    page = visit.page
    page.get_by_label("Or search 39 titles").fill("film 12")
    page.locator("#found .star").nth(4).click()
    shown = [float(each) for each in text(visit, "#best b")]
    assert shown == sorted(shown, reverse=True)
    contents, predicted = page.evaluate("contents"), page.evaluate(PREDICTED)
    can_be = [
        (value, title)
        for value, title, n in zip(
            predicted, contents["titles"], contents["n_ratings"], strict=True
        )
        if n >= 20 and title != "Film 12"
    ]
    assert len(can_be) > len(shown) == 10
    assert shown == [round(value, 2) for value, _ in sorted(can_be, reverse=True)[:10]]
    page.locator("#best summary").first.click()
    cells = text(visit, "#best details[open] td")
    base, adds = (float(each.replace("\u2212", "-")) for each in cells[:2])
    assert base + adds == pytest.approx(float(cells[-1].split(",")[0]), abs=0.011)
    page.get_by_role("button", name="Show more").click()
    assert len(text(visit, "#best b")) == min(20, len(can_be))


def test_it_can_be_used_by_keyboard_alone(visit: BrowserPage) -> None:
    page, asked = visit.page, text(visit, "#question .title")[0]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert not page.locator("#your-ratings").is_visible(), "moving about rates nothing"
    page.keyboard.press("Enter")
    assert text(visit, "#rated .title") == [asked]
    assert page.evaluate("[...ratings.values()]") == [3]
    second = text(visit, "#question .title")[0]
    page.keyboard.press("5")  # the focus is on the next question
    assert page.evaluate("[...ratings.values()]") == [3, 5]
    assert text(visit, "#rated .title") == [second, asked]
    third = text(visit, "#question .title")[0]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # not known
    assert text(visit, "#question .title")[0] not in (asked, second, third)
    assert len(text(visit, "#rated .title")) == 2


def test_titles_are_text_whatever_they_hold(visit: BrowserPage) -> None:
    page = visit.page
    for title in ("script window harm", "img src", "script"):
        page.get_by_label("Or search").fill(title)
        page.locator("#found .star").nth(3).click()
        page.locator("#found .star").nth(2).click()
    assert {title.split(" (19")[0] for title in text(visit, "#rated .title")} == set(SCRIPTS)
    for summary in page.locator("#best summary").all()[:2]:
        summary.click()
    assert page.evaluate("window.harm") is None
    assert page.locator("img").count() == 0


def test_a_phone_shows_it_without_scrolling_sideways(file: Path, browser: None) -> None:
    with browser_page(390, 844, touch=True) as visit:
        page = visit.page
        page.goto(file.as_uri())
        page.locator("#question .star").nth(3).tap()
        page.get_by_label("Or search").fill("e")
        page.locator("#best summary").first.tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert len(text(visit, "#rated .title")) == 1
        sizes = page.evaluate(
            "[...document.querySelectorAll('button')].filter(b => b.offsetWidth)"
            ".map(b => [b.offsetWidth, b.offsetHeight])"
        )
        assert np.min(sizes) >= 24  # WCAG 2.2, target size
        assert visit.errors == visit.outside == []


# -- which model, and what is refused


def test_the_best_model_that_can_is_taken(als: Model) -> None:
    models = {"bias": fitted(OTHERS[0], DATA), "als": als, "other": als}
    chosen = choose_regression(models, board("gone", "bias", "als", "other"), DATA, None)
    assert chosen == ("als", als)
    assert choose_regression(models, board("als", "other"), DATA, "other") == ("other", als)
    with pytest.raises(InputError, match=r"cannot compute with bias, .* with als, other\."):
        choose_regression(models, board("bias", "als", "other"), DATA, "bias")
    with pytest.raises(InputError, match=r"with any model.*kedro run --namespaces als"):
        choose_regression({"bias": models["bias"]}, board("bias"), DATA, None)


@pytest.mark.parametrize("settings", OTHERS, ids=str)
def test_other_cold_start_solutions_are_not_taken_for_a_ridge_regression(
    settings: dict[str, Any],
) -> None:
    assert regression_of(fitted(settings, DATA)) is None


def test_a_page_that_would_be_wrong_is_not_written(als: Model) -> None:
    wrong = copy.copy(als)
    wrong.item_factors = als.item_factors.copy()
    wrong.item_factors[0, 0] = 1e5  # the scale of the column leaves nothing of the others
    with pytest.raises(InputError, match="would differ from those of own by"):
        contents_of(wrong, DATA)


def test_only_the_most_rated_items_are_in_a_page_of_few(als: Model) -> None:
    contents = contents_of(als, DATA, n_items=7)
    counts = DATA.n_ratings.to_numpy()
    assert contents["n_ratings"] == np.sort(counts)[::-1][:7].tolist()
    assert unpacked(contents["items"]).shape == (7, 6)


def test_packing_is_exact_to_a_65534th_of_each_column() -> None:
    matrix = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1e-6, 1e6]
    matrix = np.column_stack([matrix, np.zeros(50), np.ones(50)])
    off = np.abs(unpacked(packed(matrix)) - matrix) / np.maximum(np.abs(matrix).max(0), 1e-30)
    assert off.max() <= 1.01 / 65534
    assert (off[:, 3:] == 0).all()


def test_scales_of_many_steps_are_asked_in_even_ones() -> None:
    assert levels_of(some_data(Scale(0, 100))) == [0, 25, 50, 75, 100]
    data = some_data(Scale(0, 100))
    data.train.data[:] = np.random.default_rng(0).uniform(0, 100, data.train.nnz)
    assert levels_of(data) == [10 * n for n in range(11)]
