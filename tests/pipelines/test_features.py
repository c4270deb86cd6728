"""Side tables become sparse features by the kinds that the config declares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fivestar.models.baselines.bias import Bias
from fivestar.pipelines.ingestion.settings import SideTable
from fivestar.pipelines.splitting.encoding import MAX_WORDS, encode, encode_features
from fivestar.pipelines.training.nodes import fit, refit
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix

from .test_ingestion import settings_of


def one(kind: str) -> SideTable:
    return SideTable.model_validate({"id": "id", "features": {"x": {"kind": kind, "column": "x"}}})


def encoded(kind: str, cells: list[Any], dtype: Any = None) -> np.ndarray:
    ids = pd.Index([f"i{n:03}" for n in range(len(cells))])
    table = pd.DataFrame({"item": ids, "x": pd.Series(cells, dtype=dtype)})
    shuffled = table.sample(frac=1, random_state=0, ignore_index=True)
    matrix = encode(shuffled, "item", ids, one(kind))
    assert matrix.dtype == np.float32
    return matrix.toarray()


def test_number_is_standardised_and_binned_by_quantiles() -> None:
    values = [*np.arange(80.0), np.nan]
    matrix = encoded("number", values)
    assert matrix.shape == (81, 9)
    assert matrix[:80, 0].mean() == pytest.approx(0, abs=1e-6)
    assert matrix[:80, 0].std() == pytest.approx(1, abs=1e-6)
    assert matrix[:80, 1:].sum(0).tolist() == [10] * 8
    assert matrix[:80, 1:].sum(1).tolist() == [1] * 80
    assert not matrix[80].any()


def test_number_that_is_always_the_same_is_one_bin() -> None:
    assert encoded("number", [7.0] * 10).tolist() == [[1.0]] * 10


def test_year_is_binned_without_its_value() -> None:
    matrix = encoded("year", [*range(1900, 1984), None], "Int64")
    assert matrix.shape == (85, 14)
    assert matrix[:84].sum(0).tolist() == [6] * 14
    assert not matrix[84].any()


def test_category_is_one_hot_and_rare_words_are_dropped() -> None:
    matrix = encoded("category", ["b"] * 5 + ["a"] * 6 + ["rare"] * 4 + [None], "str")
    assert matrix.tolist() == [[0, 1]] * 5 + [[1, 0]] * 6 + [[0, 0]] * 5


def test_categories_are_divided_by_the_root_of_their_number() -> None:
    cells = [["a", "b"]] * 5 + [["a"]] * 5 + [[], ["rare", "b"]]
    matrix = encoded("categories", [np.array(words, dtype=object) for words in cells])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        matrix, [[half, half]] * 5 + [[1, 0]] * 5 + [[0, 0], [0, 1]], rtol=1e-6
    )


def test_only_the_commonest_words_are_kept() -> None:
    words = np.repeat(np.arange(MAX_WORDS + 50), 5).astype(str).tolist() + ["often"] * 9
    matrix = encoded("category", words, "str")
    assert matrix.shape[1] == MAX_WORDS
    assert matrix[-1].sum() == 1


def test_empty_columns_and_text_give_nothing() -> None:
    assert encoded("text", ["a"] * 10, "str").shape == (10, 0)
    assert encoded("number", [np.nan] * 10).shape == (10, 0)
    assert encoded("category", [None] * 10, "str").shape == (10, 0)
    assert encoded("categories", [[]] * 10).shape == (10, 0)


def test_rows_follow_the_vocabulary_and_ids_without_a_row_are_empty() -> None:
    users = pd.DataFrame({"user": [f"u{n}" for n in range(8)], "sex": ["F", "M"] * 4})
    users = pd.concat([users, pd.DataFrame({"user": ["v1"], "sex": ["F"]})])
    sex = {"id": "id", "features": {"sex": {"kind": "category", "column": "sex"}}}
    wanted = {"users": ["nobody", "u0", "u2", "u4", "u6", "v1"], "items": ["i0", "i1"]}
    features = encode_features(
        users,
        pd.DataFrame({"item": ["i0"]}),
        Vocabulary.from_dict(wanted),
        settings_of(users=sex, items=None),
    )
    assert features.users.toarray().tolist() == [[0]] + [[1]] * 5
    assert features.items.shape == (2, 0)
    assert features.items.format == "csr"


def test_fit_and_refit_hand_the_features_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Features | None] = []
    original = Bias.fit

    def spying(self: Bias, *arguments: Any, **named: Any) -> Any:
        given.append(named["features"])
        return original(self, *arguments, **named)

    monkeypatch.setattr(Bias, "fit", spying)
    vocabulary = Vocabulary.from_dict({"users": ["u0", "u1"], "items": ["i0", "i1"]})
    train, validation = (
        csr_matrix(np.array(users), np.array(items), np.array(ratings), (2, 2))
        for users, items, ratings in (([0, 1], [0, 1], [5.0, 2]), ([0], [1], [3.0]))
    )
    features = Features(train[:, :1], train)
    data = TrainingData(train, validation, vocabulary, features, Scale(1, 5))
    model, history = fit(data, {"family": "bias"}, None, label="bias")
    refit(model, history, data, True, label="bias")
    assert given == [features, features]
