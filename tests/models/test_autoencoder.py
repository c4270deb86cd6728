from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import build, load
from fivestar.models.biases import with_values
from fivestar.models.column_adam import Block, ColumnWeights
from fivestar.models.neural.autoencoder import OF_COLUMNS
from fivestar.models.sparse_products import SparseRows, dot_products_at, sparse_times_dense
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, known, planted

SMALL = {
    "family": "autoencoder",
    "hidden": [32],
    "batch_size": 16,
    "learning_rate": 0.015,
    "n_steps": 50,
    "stopping": None,
    "measure_every": 20,
}
ORDINAL = {
    **SMALL,
    "family": "ordinal_autoencoder",
    "batch_size": 32,
    "learning_rate": 0.03,
    "n_steps": 30,
}


class TestItemAutoencoder(ModelBehaviour):
    settings = SMALL
    planted_rmse = 0.45


class TestUserAutoencoder(ModelBehaviour):
    settings = {**SMALL, "direction": "user"}
    planted_rmse = 0.45
    new_users_rmse = 0.55  # 90 rows are too few to learn how to encode another


class TestDeepAutoencoder(ModelBehaviour):
    settings = {**SMALL, "hidden": [32, 16], "activation": "elu", "input_scale": 1.0}
    planted_rmse = 0.5


class TestOrdinalAutoencoder(ModelBehaviour):
    settings = ORDINAL
    planted_rmse = 0.45


class TestOrdinalUserAutoencoder(ModelBehaviour):
    settings = {**ORDINAL, "direction": "user"}
    planted_rmse = 0.45
    new_users_rmse = 0.55


@pytest.fixture
def rows() -> sparse.csr_array:
    """Five rows by seven columns; the second row and the last column are empty."""
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    rows, columns = np.nonzero(np.random.default_rng(1).random((5, 7)) < 0.5)
    inside = (rows != 1) & (columns != 6)
    rows, columns = rows[inside], columns[inside]
    return csr_matrix(rows, columns, values[rows, columns], (5, 7))


def random(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float32).requires_grad_()


def gradients(output: torch.Tensor, *of: torch.Tensor) -> list[np.ndarray]:
    return [part.numpy() for part in torch.autograd.grad(output.square().sum(), of)]


def test_sparse_input_gives_the_dense_product_and_gradient(rows: sparse.csr_array) -> None:
    weight, block = random(7, 3), SparseRows(rows)
    ours = sparse_times_dense(block, block.values, weight)
    dense = torch.from_numpy(rows.toarray()) @ weight
    np.testing.assert_allclose(ours.detach(), dense.detach(), atol=1e-6)
    np.testing.assert_allclose(*gradients(ours, weight), *gradients(dense, weight), atol=1e-5)


def test_output_where_observed_gives_the_dense_product_and_gradients(
    rows: sparse.csr_array,
) -> None:
    codes, decoder, block = random(5, 3), random(7, 3), SparseRows(rows)
    ours = dot_products_at(block, codes, decoder)
    where = (block.rows, block.columns)
    dense = (codes @ decoder.T)[where]
    np.testing.assert_allclose(ours.detach(), dense.detach(), atol=1e-6)
    pairs = zip(gradients(ours, codes, decoder), gradients(dense, codes, decoder), strict=True)
    for gradient, expected in pairs:
        np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("direction", ["item", "user"])
def test_prediction_is_the_formula_written_out_densely(direction: str) -> None:
    train, test = planted(30, 20)
    model = build(
        {**SMALL, "hidden": [6, 4], "direction": direction, "activation": "tanh", "clamp": False}
    )
    model.fit(train, scale=SCALE)
    users, items, ratings = observed(train)
    base = model.global_mean + model.user_bias[:, None] + model.item_bias
    inputs, above = np.zeros(train.shape), np.zeros(train.shape)
    inputs[users, items] = ratings - base[users, items] + model.input_offset
    above[users, items] = ratings - model.global_mean
    inputs, above = (x if direction == "user" else x.T for x in (inputs, above))
    root = np.sqrt(np.maximum((inputs != 0).sum(1, keepdims=True), 1)) / model.input_scale
    second, bias = model.network[:24].reshape(4, 6), model.network[24:]
    first = (inputs @ model.input_weights + above @ model.rating_weights) / root
    code = np.tanh(np.tanh(first + model.input_bias) @ second.T + bias)
    stars = code @ (model.decoder + model.decoder_mean).T + model.decoder_bias
    stars = model.global_mean + (stars if direction == "user" else stars.T)
    users, items, _ = observed(test)
    known = (users < 29) & (items < 19)
    users, items = users[known], items[known]
    np.testing.assert_allclose(model.predict(users, items), stars[users, items], atol=1e-4)


def test_loss_is_the_mean_square_over_the_ratings_only(rows: sparse.csr_array) -> None:
    """Columns that nobody rated, and rows without ratings, add nothing."""
    wider = csr_matrix(*observed(rows), (9, 12))
    losses = []
    for matrix in (rows, wider):
        block = SparseRows(matrix)
        codes, decoder = random(9, 3)[: matrix.shape[0]], random(12, 3)[: matrix.shape[1]]
        errors = dot_products_at(block, codes, decoder) - block.values
        losses.append(errors.square().mean().item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("direction", ["item", "user"])
def test_rows_without_ratings_change_nothing(direction: str) -> None:
    train, test = planted(30, 20)
    more = (30, 33) if direction == "item" else (43, 20)
    stars = []
    for shape in (train.shape, more):
        model = build({**SMALL, "direction": direction, "n_steps": 3})
        model.fit(csr_matrix(*observed(train), shape), scale=SCALE)
        stars.append(model.predict(*observed(test)[:2]))
    np.testing.assert_allclose(stars[0], stars[1], atol=1e-6)


def test_linear_autoencoder_of_all_ratings_is_principal_component_analysis() -> None:
    """Baldi and Hornik, Neural Networks 2, 1989: without a gap the best net is PCA."""
    rng = np.random.default_rng(0)
    items, users = np.indices((25, 8))
    stars = 3 + rng.normal(0, 0.7, (25, 3)) @ rng.normal(0, 0.7, (3, 8))
    model = build(
        {
            **SMALL,
            "hidden": [2],
            "activation": "identity",
            "dropout": 0,
            "input_offset": 0,
            "input_scale": 2,
            "l2": 0,
            "batch_size": 25,
            "learning_rate": 0.03,
            "n_steps": 300,
            "measure_every": 300,
            "clamp": False,
        }
    )
    model.fit(csr_matrix(users.ravel(), items.ravel(), stars.ravel(), (8, 25)), scale=SCALE)

    centre = stars.mean(0)
    left, sizes, right = np.linalg.svd(stars - centre, full_matrices=False)
    expected = centre + left[:, :2] * sizes[:2] @ right[:2]
    predicted = model.predict(users.ravel(), items.ravel()).reshape(25, 8)
    np.testing.assert_allclose(predicted, expected, atol=0.001)


def test_diverging_training_keeps_its_last_good_weights() -> None:
    train, _ = planted(30, 20)
    model = build({**SMALL, "learning_rate": 1e25, "measure_every": 1})
    history = model.fit(train, scale=SCALE)
    assert history.ending == "diverged"
    assert np.isfinite(model.decoder).all()
    stars = model.predict(*observed(train)[:2])
    assert np.isfinite(stars).all()
    assert rmse(train.data, stars) == pytest.approx(min(history.train_rmse), abs=1e-6)


def test_loaded_encoder_gives_the_codes_again(tmp_path: Path) -> None:
    train, _ = planted(30, 20)
    model = build({**SMALL, "direction": "user", "hidden": [6, 4], "n_steps": 3})
    model.fit(train, scale=SCALE)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model").fold_in(train)
    np.testing.assert_allclose(again.codes, model.codes, atol=1e-6)


# -- levels


def half_stars(n_users: int = 60, n_items: int = 40) -> tuple[sparse.csr_array, ...]:
    """Planted ratings in half stars."""
    return tuple(
        with_values(part, np.rint(2 * part.data) / 2) for part in planted(n_users, n_items)
    )


def ordinal(train: sparse.csr_array, **settings: Any) -> Any:
    model = build({**ORDINAL, "l2": 2e-3, **settings})
    model.fit(train, scale=SCALE)
    return model


@pytest.mark.parametrize("direction", ["item", "user"])
def test_probabilities_are_the_softmax_written_out(direction: str) -> None:
    train, test = half_stars()
    model = ordinal(train, direction=direction, clamp=False)
    levels, counts = np.unique(train.data, return_counts=True)
    np.testing.assert_allclose(model.distribution.ratings, levels)
    users, items, _ = known(test)
    rows, columns = (items, users) if direction == "item" else (users, items)
    scores = (model.codes[rows] * (model.decoder[columns] + model.decoder_mean)).sum(1)
    steps = (levels - train.data.mean()) / train.data.std()
    logits = model.level_bias + model.decoder_bias[columns] + np.outer(scores, steps)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(model.distribution.probabilities(users, items), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict(users, items), expected @ levels, atol=1e-4)
    unknown = model.distribution.probabilities(np.array([-1]), np.array([0]))
    np.testing.assert_allclose(unknown[0], counts / train.nnz, atol=1e-6)


def test_loss_is_the_mean_log_probability_of_the_ratings() -> None:
    train, _ = half_stars()
    model = ordinal(train, dropout=0, direction="user")
    network = model._start(0, torch.Generator()).shared_by(model)
    rows = train[np.arange(train.shape[0] - 1)]
    above, residuals = model._rows(train)
    block = Block.of(above, np.arange(rows.shape[0]))
    columns = ColumnWeights({name: getattr(model, name) for name in OF_COLUMNS})
    inside = (each[block.places] for each in (above.data, residuals))
    loss = model._loss(network, columns, block, *inside, torch.Generator())
    users, items, ratings = observed(rows)
    distribution = model.distribution
    level = np.searchsorted(distribution.ratings, ratings)
    told = distribution.probabilities(users, items)[np.arange(len(level)), level]
    assert loss.item() == pytest.approx(-np.log(told).mean(), rel=1e-4)


def test_intervals_of_new_ratings_hold_at_least_what_is_asked() -> None:
    train, test = half_stars(120, 80)
    distribution = ordinal(train).distribution
    users, items, ratings = known(test)
    widths = []
    for coverage in (0.5, 0.8, 0.95):
        lower, upper = distribution.interval(users, items, coverage)
        assert np.mean((lower <= ratings) & (ratings <= upper)) > coverage - 0.02
        widths.append((upper - lower).mean())
    assert widths == sorted(widths)
    assert widths[-1] < 3


def test_rating_between_two_levels_of_the_grid_is_told_without_rounding() -> None:
    train, _ = planted(30, 20)
    model = ordinal(train, n_steps=0)
    ratings = torch.from_numpy(train.data)
    below, above, share = model._neighbours(ratings - float(model.mean[0]))
    levels = torch.from_numpy(model.levels)
    np.testing.assert_allclose(levels[below].lerp(levels[above], share), ratings, atol=1e-5)
    assert (levels.numpy() @ model.level_fractions) == pytest.approx(train.data.mean(), abs=1e-4)


def test_folded_in_user_has_the_weights_of_least_loss() -> None:
    """Where no step, up or down along any weight, makes the penalised loss smaller."""
    train, _ = half_stars()
    model = ordinal(train, hidden=[5])
    folded = model.fold_in(train[:1])
    items, ratings = train[:1].indices, train[:1].data
    at, shrinkage = np.searchsorted(model.levels, ratings), model.l2 * train.nnz

    def loss(decoder: np.ndarray, bias: np.ndarray) -> float:
        scores = model.codes[items] @ (decoder + model.decoder_mean)
        logits = model.level_bias + bias + np.outer(scores, model._level_steps)
        told = logits[np.arange(len(at)), at] - np.log(np.exp(logits).sum(1))
        return float(-told.sum() + shrinkage * (decoder @ decoder + bias @ bias))

    found = np.concatenate([folded.decoder[0], folded.decoder_bias[0]]).astype(float)
    least = loss(found[:5], found[5:])
    for direction in np.vstack([np.eye(len(found)), -np.eye(len(found))]):
        moved = found + 0.02 * direction
        assert loss(moved[:5], moved[5:]) > least
