"""Best unseen items, how lists are measured, why an item, and what new users write."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.analysis import blocks as blocks_module
from fivestar.analysis import prediction_matrix
from fivestar.analysis.blocks import Blocks, predict_ratings, predict_table, unbounded
from fivestar.analysis.explanation import (
    FACTOR,
    NEAREST,
    OTHERS,
    OWN_RATING,
    REASON,
    Explainer,
)
from fivestar.analysis.new_user import Given, ItemSearch, read_ratings
from fivestar.analysis.prediction_matrix import PredictionMatrix
from fivestar.analysis.top_n import best, can_be_recommended, rank_rated, top_n
from fivestar.errors import InputError
from fivestar.models import History, build, pair_products
from fivestar.models.base import FloatArray, Model
from fivestar.models.bayesian import scores
from fivestar.models.training import Training
from fivestar.ratings import Indices, Scale, Vocabulary, csr_matrix, observed

from ..models.behaviour import planted

SCALE = Scale(1, 5)


@dataclass(kw_only=True)
class Foreseen(Model):
    """Predicts a table of stars."""

    stars: Any = None

    def _fit(self, training: Training) -> History:
        return History()

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        scores: FloatArray = self.stars[users, items]
        return scores


def model_of(stars: Any, unknown_items: tuple[int, ...] = ()) -> Model:
    """A model that predicts these stars, and has no rating of the unknown items."""
    stars = np.asarray(stars, dtype=np.float32)
    everything = sparse.csr_array(np.ones(stars.shape, dtype=np.float32))
    model = Foreseen(stars=stars)
    model.fit(everything, scale=SCALE, label="foreseen")
    model.known_items[list(unknown_items)] = False
    return model


def some_ratings(
    n_users: int = 30, n_items: int = 20, share: float = 0.4, seed: int = 0
) -> sparse.csr_array:
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((n_users, n_items)) < share)
    return csr_matrix(users, items, random.integers(1, 6, len(users)), (n_users, n_items))


# -- the best of each row


@pytest.mark.parametrize("n", [1, 3, 7, 12])
def test_best_are_those_of_a_stable_sort_with_ties_at_the_edge_too(n: int) -> None:
    scores = np.random.default_rng(0).integers(0, 4, (50, 9)).astype(float)
    scores[scores == 0] = -np.inf
    scores[0] = -np.inf
    scores[1] = 2
    expected = np.full((50, n), -1)
    for row, values in enumerate(scores):
        order = [c for c in sorted(range(9), key=lambda c: (-values[c], c)) if values[c] > -np.inf]
        expected[row, : len(order[:n])] = order[:n]
    np.testing.assert_array_equal(best(scores, n), expected)


def test_best_of_no_columns_is_nothing() -> None:
    np.testing.assert_array_equal(best(np.empty((2, 0)), 2), [[-1, -1], [-1, -1]])


def test_lists_hold_unseen_candidates_only_and_do_not_depend_on_the_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(1)
    stars = random.integers(1, 6, (30, 20))  # ties everywhere
    seen = some_ratings()
    candidates = np.array([0, 2, 3, 5, 8, 13, 19])
    users = np.array([4, 0, 29, 7])
    lists = top_n(model_of(stars), users, seen[users], candidates, 5)
    for user, row in zip(users, lists, strict=True):
        allowed = [i for i in candidates if i not in seen[[user]].indices]
        order = sorted(allowed, key=lambda i: (-stars[user, i], i))[:5]
        assert row[: len(order)].tolist() == order
        assert (row[len(order) :] == -1).all()
    for n_pairs in (1, 10, 15):
        monkeypatch.setattr(blocks_module, "PAIRS", n_pairs)
        again = top_n(model_of(stars), users, seen[users], candidates, 5)
        np.testing.assert_array_equal(again, lists)


def test_items_are_ranked_by_what_is_predicted_before_it_is_clamped() -> None:
    model = model_of([[5.5, 7.0, 6.0]])
    nothing = sparse.csr_array((1, 3))
    assert top_n(model, np.array([0]), nothing, np.arange(3), 3).tolist() == [[1, 2, 0]]
    assert model.predict(np.zeros(3, int), np.arange(3)).tolist() == [5, 5, 5]
    rounded = build({"family": "item_mean", "whole_stars": True})
    assert not unbounded(rounded).whole_stars
    assert rounded.whole_stars


def test_rare_and_unknown_items_cannot_be_recommended() -> None:
    model = model_of(np.ones((2, 5)), unknown_items=(1, 3))
    found = can_be_recommended(model, np.array([3, 3, 2, 0, 9]), 3)
    assert found[0].tolist() == [0, 4]
    assert found[1:] == (2, 1)
    assert can_be_recommended(model, np.zeros(5, int), 0)[0].tolist() == [0, 2, 4]
    users, seen = np.arange(2), sparse.csr_array((2, 5))
    assert top_n(model, users, seen, np.array([], int), 2).tolist() == [[-1, -1]] * 2


def test_rated_items_are_ranked_among_themselves() -> None:
    part = csr_matrix(
        np.array([0, 0, 0, 2]), np.array([0, 1, 2, 1]), np.array([1.0, 2, 3, 4]), (3, 4)
    )
    model = model_of([[2, 3, 3, 5], [5, 5, 5, 5], [1, 1, 1, 1]])
    assert rank_rated(model, np.arange(3), part, 2).tolist() == [[1, 2], [-1, -1], [1, -1]]


def test_predicted_tables_are_the_predictions_of_the_pairs() -> None:
    stars = np.random.default_rng(0).uniform(1, 5, (4, 3))
    table = predict_table(model_of(stars), np.array([3, 0]), np.arange(3))
    np.testing.assert_allclose(table, stars[[3, 0]], rtol=1e-6)
    blocks = Blocks(model_of(stars), np.arange(3))
    np.testing.assert_array_equal(blocks.predict(np.array([3, 0])), table)


def test_predictions_of_stored_ratings_are_made_in_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, ratings = fitted("als", n_factors=3)
    users, items, _ = observed(ratings)
    monkeypatch.setattr(blocks_module, "PAIRS", 13)
    predicted = predict_ratings(model, ratings)
    assert predicted.dtype == np.float32
    np.testing.assert_array_equal(predicted, model.predict(users, items))


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("als", {}),
        ("als", {"whole_stars": True}),
        ("gradient_descent", {"n_steps": 20, "rating_scaling": "standardise"}),
        ("autoencoder", {"hidden": [8], "n_steps": 2}),
    ],
)
def test_a_product_of_matrices_predicts_what_the_pairs_do(
    family: str, settings: dict[str, Any]
) -> None:
    model, _ = fitted(family, **settings)
    model.known_users[[1, 7]] = False
    model.known_items[[0, 19]] = False
    users, items = np.array([5, 1, 29, -1, 7]), np.arange(20)
    blocks = Blocks(model, items)
    assert blocks.factors is not None
    expected = predict_table(model, users, items)
    np.testing.assert_allclose(blocks.predict(users), expected, atol=1e-5)
    assert blocks.predict(users[:0]).shape == (0, 20)
    assert Blocks(model, items[:0]).predict(users).shape == (5, 0)


# -- lists by factors that are not exact


@pytest.fixture(scope="module")
def bayesian() -> tuple[Model, sparse.csr_array]:
    """Of ordered levels, with a user and an item of which nothing is known."""
    train, _ = planted(100, 700, share=0.15)
    train.data = np.rint(train.data)
    settings = {"n_factors": 4, "n_burn_in": 15, "n_steps": 24, "n_kept": 24}
    model = build({"family": "bayesian_mf", "implicit_feedback": False, **settings})
    model.fit(train, scale=SCALE)
    return model, train


def exact_lists(model: Model, users: Indices, seen: sparse.csr_array, n: int) -> tuple[Any, Any]:
    """Lists out of all items by predictions of all pairs, and these."""
    table = predict_table(unbounded(model), users, np.arange(model.n_items))
    rows, items, _ = observed(seen)
    table[rows, items] = -np.inf
    return best(table, n), table


def test_lists_by_low_rank_scores_are_those_of_all_predictions(
    bayesian: tuple[Model, sparse.csr_array],
) -> None:
    model, train = bayesian
    factors = model.ranking_factors()
    assert factors is not None
    assert not factors.exact
    users = np.array([*range(99), 99, -1])  # the last two are unknown
    assert not model.known_users[99]
    assert not model.known_items[699]
    seen = sparse.csr_array(sparse.vstack([train, sparse.csr_array((1, 700))]))
    lists, table = exact_lists(model, users, seen, 10)
    found = top_n(model, users, seen, np.arange(700), 10)
    lost = np.take_along_axis(table, lists, axis=1) - np.take_along_axis(table, found, axis=1)
    assert lost.max() <= 0.002
    assert (found == lists).all(axis=1).mean() > 0.95
    # Not so by the scores alone: the list that is looked at is longer for a reason.
    of_users, of_items = factors.with_biases()
    sums = np.where(np.isinf(table), -np.inf, of_users[users] @ of_items.T)[:99]
    assert (best(sums, 10) == lists[:99]).all(axis=1).mean() < 0.9


def test_items_of_which_nothing_is_known_are_ranked_by_their_fallback(
    bayesian: tuple[Model, sparse.csr_array],
) -> None:
    model = copy.copy(bayesian[0])
    model.known_items = model.known_items.copy()
    model.known_items[:60] = False  # predicted by their means
    users, nothing = np.arange(20), sparse.csr_array((20, 700))
    lists, _ = exact_lists(model, users, nothing, 10)
    assert (lists < 60).any()
    assert (lists >= 60).any()
    np.testing.assert_array_equal(top_n(model, users, nothing, np.arange(700), 10), lists)


@pytest.mark.parametrize("family", ["als", "bayesian_mf"])
def test_lists_and_predictions_do_not_depend_on_the_threads(
    family: str, bayesian: tuple[Model, sparse.csr_array], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, train = bayesian
    if family == "als":
        model = build({"family": "als", "n_factors": 4, "n_steps": 3})
        model.fit(train, scale=SCALE)
    pairs = np.random.default_rng(0).integers(0, 99, (2, 3000))
    answers = []
    for n_threads, n_pairs in (("1", 1 << 21), ("3", 10 * 700)):
        monkeypatch.setenv("FIVESTAR_NUM_THREADS", n_threads)
        monkeypatch.setattr(blocks_module, "PAIRS", n_pairs)
        monkeypatch.setattr(pair_products, "PAIRS", n_pairs // 70)
        monkeypatch.setattr(scores, "SCORES", n_pairs)
        lists = top_n(model, np.arange(100), train, np.arange(700), 10)
        answers.append((lists, model.predict(*pairs)))
    for one, other in zip(*answers, strict=True):
        np.testing.assert_array_equal(one, other)


# -- all predictions


def test_the_prediction_matrix_is_made_in_blocks_and_holds_every_prediction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stars = np.random.default_rng(0).uniform(1, 5, (7, 3)).astype(np.float32)
    ids = Vocabulary(pd.Index(list("tuvwxyz"), dtype="str"), pd.Index(["1", "a.b", "user"]))
    monkeypatch.setattr(prediction_matrix, "CELLS", 6)
    table = PredictionMatrix(model_of(stars), ids)
    for _ in range(2):  # it can be gone through again
        blocks = [block.to_pandas() for block in table]
        assert [len(block) for block in blocks] == [2, 2, 2, 1]
        whole = pd.concat(blocks)
        assert whole.columns.tolist() == ["_user", "1", "a.b", "user"]
        assert whole["_user"].tolist() == list("tuvwxyz")
        np.testing.assert_array_equal(whole.iloc[:, 1:], stars)


# -- why


def fitted(family: str, **settings: Any) -> tuple[Model, sparse.csr_array]:
    ratings = some_ratings()
    model = build({"family": family, **settings})
    model.fit(ratings, scale=SCALE)
    return model, ratings


ITEMS = pd.DataFrame({"item": [str(n) for n in range(20)], "shown": [f"I{n}" for n in range(20)]})


def explainer(model: Model, n_reasons: int, n_factors: int, folded: Any = None) -> Explainer:
    return Explainer(model, ITEMS, np.arange(20), n_reasons, n_factors, folded)


def reasons_of(explainer: Explainer, ratings: sparse.csr_array, user: int, item: int) -> Any:
    rows = list(explainer.explain(user, item, ratings[[user]]))
    return pd.DataFrame(rows, columns=list(REASON)).astype(REASON)


@pytest.mark.parametrize("family", ["als", "bias"])
def test_a_base_and_contributions_sum_to_the_folded_in_prediction(family: str) -> None:
    model, ratings = fitted(family)
    user, item = 3, int(np.setdiff1d(np.arange(20), ratings[[3]].indices)[0])
    table = reasons_of(explainer(model, 4, 0), ratings, user, item)
    folded = unbounded(model.fold_in(ratings[[user]]))
    expected = folded.predict(np.array([0]), np.array([item]))[0]
    parts = table[table["kind"].isin([OWN_RATING, OTHERS])]
    assert parts["base"].iloc[0] + parts["value"].sum() == pytest.approx(expected, abs=1e-4)
    assert parts["explained"].iloc[0] == pytest.approx(expected, abs=1e-4)
    own = table[table["kind"] == OWN_RATING]
    assert own["place"].tolist() == [1, 2, 3, 4]
    assert own["value"].abs().is_monotonic_decreasing
    given = dict(zip(ratings[[user]].indices, ratings[[user]].data, strict=True))
    assert own["rating"].tolist() == [given[int(item)] for item in own["reason"]]
    rest = parts[parts["kind"] == OTHERS]
    assert rest["reason"].tolist() == [str(ratings[[user]].nnz - 4)]


def test_nearest_rated_items_are_those_with_the_highest_cosine() -> None:
    model, ratings = fitted("als", n_factors=4)
    table = reasons_of(explainer(model, 3, 0), ratings, 2, 0)
    vectors: Any = model
    unit = vectors.item_factors / np.linalg.norm(vectors.item_factors, axis=1, keepdims=True)
    cosines = {int(i): float(unit[i] @ unit[0]) for i in ratings[[2]].indices if i}
    expected = sorted(cosines, key=lambda i: -cosines[i])[:3]
    near = table[table["kind"] == NEAREST]
    assert near["reason"].tolist() == [str(item) for item in expected]
    assert near["reason_title"].tolist() == [f"I{item}" for item in expected]
    assert near["value"].tolist() == pytest.approx([cosines[i] for i in expected], abs=1e-5)


def test_products_of_all_factors_sum_to_what_lies_above_the_averages() -> None:
    model, ratings = fitted("als", n_factors=4, regularization=0.1)
    table = reasons_of(explainer(model, 1, 10), ratings, 2, 7)
    products = table[table["kind"] == FACTOR]
    assert len(products) == 4
    arrays: Any = model
    users, items = (v - v.mean(0) for v in (arrays.user_factors, arrays.item_factors))
    assert products["value"].sum() == pytest.approx(float(users[2] @ items[7]), abs=1e-4)
    assert not products["reason_title"].str.contains("I7;").any()
    assert products["reason_title"].str.match(r"like I\d+; I\d+; I\d+$").all()
    again = reasons_of(explainer(model, 1, 10, model.fold_in(ratings)), ratings, 2, 7)
    assert again[again["kind"] == FACTOR]["value"].abs().sum() > 0


def test_a_model_without_sums_and_vectors_gives_no_reasons() -> None:
    model, ratings = fitted("item_mean")
    assert reasons_of(explainer(model, 3, 3), ratings, 2, 7).empty


def test_someone_without_ratings_has_a_base_alone() -> None:
    model, ratings = fitted("bias")
    empty = csr_matrix(*(np.array([], int),) * 2, np.array([]), ratings.shape)
    assert reasons_of(explainer(model, 3, 3), empty, 2, 7).empty


# -- new users


PLACES = tuple(f"my.csv: row 2 (line 3), column '{name}'" for name in ("title", "rating"))


def item_table(**columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(columns).assign(shown=lambda t: t["title"].fillna(t["item"]))
    return table.astype({"title": "str", "year": "Int64"})


SEARCH = ItemSearch(
    item_table(
        item=["1", "2", "3", "300", "9"],
        title=["Toy Story", "Alien", "300", "Matrix, The", None],
        year=[1995, 1979, 2006, 1999, None],
        n_ratings=[5, 3, 2, 4, 0],
    )
)


def test_titles_and_ids_are_understood_a_title_before_an_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    asked = ("toy story (1995)", "2", "300", "the matrix", "3")
    table = read_ratings([Given("a", text, "4", PLACES) for text in asked[:4]], SEARCH, SCALE)
    assert table["item"].tolist() == ["1", "2", "3", "300"]
    assert table["title"].tolist()[1:3] == ["Alien", "300"]
    assert "'the matrix' is Matrix, The" in caplog.text
    as_ids = [Given("a", "300", "1", PLACES, is_id=True)]
    assert read_ratings(as_ids, SEARCH, SCALE)["item"].tolist() == ["300"]


@pytest.mark.parametrize(
    ("asked", "rating", "column", "message"),
    [
        ("Toy Xxxx", "4", "title", "no such title; did you mean one of: Toy Story"),
        ("Alien", "6", "rating", "outside the scale 1 to 5"),
        ("Alien", "nan", "rating", "outside the scale 1 to 5"),
        ("Alien", "good", "rating", "'good' of 'Alien' is not a number"),
        (" ", "4", "title", "no title or id"),
        ("9", "4", "title", "nobody has rated 9, so it tells nothing"),
    ],
)
def test_a_rating_that_cannot_be_used_is_told_with_its_place(
    asked: str, rating: str, column: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_ratings([Given("a", asked, rating, PLACES)], SEARCH, SCALE)
    (_, mistake) = str(caught.value).split("\n")
    assert mistake.startswith(f"  my.csv: row 2 (line 3), column '{column}': ")
    assert message in mistake


def test_an_unknown_id_is_no_title_and_an_item_is_rated_once_by_a_user() -> None:
    with pytest.raises(InputError, match="column 'title': no item has the id '77'"):
        read_ratings([Given("a", "77", "3", PLACES, is_id=True)], SEARCH, SCALE)
    twice = [Given(user, "Alien", "3", PLACES) for user in "aba"]
    with pytest.raises(InputError, match="Alien is rated twice") as caught:
        read_ratings(twice, SEARCH, SCALE)
    assert str(caught.value).count("twice") == 1


def test_without_titles_ids_are_asked_for() -> None:
    items = item_table(item=["A-1", "A 1"], title=[None, None], year=[None] * 2, n_ratings=[1, 9])
    table = read_ratings([Given("a", "A-1", "3", PLACES)], ItemSearch(items), SCALE)
    assert table["item"].tolist() == ["A-1"]
