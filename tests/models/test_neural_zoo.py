"""Layers, neural collaborative filtering, residual factorisation and the softmax network."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from fivestar.models import Model, build
from fivestar.models.neural.layers import BatchNorm, Dropout, HiddenLayers, hidden_layers
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, planted

QUICK = {"batch_size": 256, "averaging": 0.95, "n_steps": 20, "stopping": None, "measure_every": 10}
SURE = {**QUICK, "learning_rate": 0.03, "dropout": 0, "embedding_dropout": 0}
NEURAL_CF = {"family": "neural_cf", "user_size": 6, "item_size": 8, "hidden": [32], **SURE}
RESIDUAL = {"family": "residual_mf", "n_factors": 6, "hidden": [16], "init_scale": 0.1, **SURE}
SOFTMAX = {
    "family": "softmax_dnn",
    "embedding_size": 16,
    "hidden": [16],
    "batch_size": 32,
    "n_steps": 15,
    "measure_every": 10,
}


class TestNeuralCF(ModelBehaviour):
    settings = NEURAL_CF
    planted_rmse = 0.5


class TestDeepNeuralCFWithBatchNorm(ModelBehaviour):
    settings = {**NEURAL_CF, "hidden": [16, 8], "batch_norm": True, "activation": "elu"}
    planted_rmse = 0.45
    fold_in_tolerance = 0.2  # batch norm by minibatches is noise, which training has adapted to


class TestResidualMF(ModelBehaviour):
    settings = RESIDUAL
    planted_rmse = 0.45


class TestSoftmaxDNN(ModelBehaviour):
    settings = SOFTMAX
    planted_rmse = 0.66


def one_to_five(seed: int = 0, shape: tuple[int, int] = (12, 9)) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random(shape) < 0.6)
    stars = rng.integers(1, 6, users.size).astype(float)
    return csr_matrix(users, items, stars, shape)


def fitted(train: sparse.csr_array, **settings: Any) -> Any:
    model: Model = build(settings)
    model.fit(train, scale=SCALE)
    return model


# -- layers


def test_hidden_layers_start_by_glorot_and_a_silent_output_at_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    first = hidden_layers((200, 100), "relu", generator)[0]
    assert first.weight.var().item() == pytest.approx(2 / 300, rel=0.05)
    assert not first.bias.any()
    x = torch.randn(10, 200, generator=generator)
    layers = HiddenLayers(hidden=(100,), batch_norm=True)
    assert not layers.on_embeddings(200, generator, silent=True)(x).any()
    assert layers.on_embeddings(200, generator)(x).all()


def test_dropout_acts_in_training_only_and_keeps_the_mean() -> None:
    dropout = Dropout(0.5, torch.Generator().manual_seed(0))
    x = torch.ones(4, 1 << 14)
    trained = dropout(x)
    assert trained.unique().tolist() == [0, 2]
    torch.testing.assert_close(trained.mean(1), torch.ones(4), atol=0.05, rtol=0)
    assert (trained[0] != trained[1]).any()
    dropout.alike = True
    alike = dropout(x)
    assert (alike == alike[0]).all()
    assert torch.equal(dropout.eval()(x), x)


def test_batch_norm_takes_a_single_row_as_in_prediction() -> None:
    norm, rows = BatchNorm(3), torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(norm(rows).std(0), torch.ones(3), rtol=0.05, atol=0)
    before = norm.running_mean.clone()
    assert before.any()
    one = norm(rows[:1])
    torch.testing.assert_close(norm.running_mean, before)
    torch.testing.assert_close(one, norm.eval()(rows[:1]))


# -- neural collaborative filtering, residual factorisation


def parts(model: Any, n_inputs: int, n_hidden: int) -> list[np.ndarray]:
    """Weights and biases of a hidden layer and of an output."""
    first, shift, last, constant = np.split(
        model.network, np.cumsum([n_inputs * n_hidden, n_hidden, n_hidden])
    )
    return [first.reshape(n_hidden, n_inputs), shift, last, constant]


def test_neural_cf_predicts_by_its_formula() -> None:
    train = one_to_five()
    model = fitted(train, **NEURAL_CF, clamp=False)
    first, shift, last, constant = parts(model, 14, 32)
    users, items, _ = observed(train)
    pair = np.hstack([model.user_embeddings[users], model.item_embeddings[items]])
    assert pair.shape[1] == 6 + 8
    expected = model.global_mean + np.maximum(pair @ first.T + shift, 0) @ last + constant
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-5)
    assert model.n_parameters == 12 * 6 + 9 * 8 + 14 * 32 + 32 + 32 + 1


def test_network_learns_what_no_sum_of_effects_can_say() -> None:
    """Stars are 5 where group of user and group of item agree, else 1: an exclusive or."""
    users, items = np.nonzero(np.random.default_rng(0).random((80, 60)) < 0.6)
    stars = np.where(users % 2 == items % 2, 5.0, 1.0)
    kept = np.random.default_rng(1).random(users.size) < 0.8
    train = csr_matrix(users[kept], items[kept], stars[kept], (80, 60))
    model = fitted(train, **NEURAL_CF | {"n_steps": 40, "batch_size": 128})
    error = np.abs(model.predict(users[~kept], items[~kept]) - stars[~kept])
    assert error.mean() < 0.3


def test_residual_mf_starts_as_plain_factorisation() -> None:
    train = one_to_five()
    model = fitted(train, **RESIDUAL | {"n_steps": 1, "learning_rate": 1e-30, "clamp": False})
    users, items, _ = observed(train)
    product = (model.user_factors[users] * model.item_factors[items]).sum(1)
    expected = model.global_mean + product
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-5)


def test_residual_mf_predicts_by_its_formula() -> None:
    train = one_to_five()
    model = fitted(train, **RESIDUAL, clamp=False)
    first, shift, last, constant = parts(model, 18, 16)
    users, items, _ = observed(train)
    p, q = model.user_factors[users], model.item_factors[items]
    inputs = np.hstack([p, q, p * q])
    above = np.maximum(inputs @ first.T + shift, 0) @ last + constant
    biases = model.user_bias[users] + model.item_bias[items]
    expected = model.global_mean + biases + (p * q).sum(1) + above
    assert np.abs(above).max() > 1e-3
    np.testing.assert_allclose(model.predict(users, items), expected, atol=1e-5)


# -- softmax


def two_tastes() -> tuple[sparse.csr_array, np.ndarray]:
    """60 users of two groups who like the items of their own; some likes are held back."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((60, 40)) < 0.5)
    stars = np.where(users % 2 == items % 2, 5.0, 2.0)
    return csr_matrix(users, items, stars, (60, 40)), np.arange(40) % 2


def test_softmax_ranks_the_items_of_the_users_taste_first() -> None:
    train, taste = two_tastes()
    model = fitted(train, **SOFTMAX)
    factors = model.factors()
    scores = factors.users @ factors.items.T + factors.item_bias
    for user in range(60):
        unrated = np.setdiff1d(np.arange(40), train.indices[slice(*train.indptr[user : user + 2])])
        liked = scores[user, unrated[taste[unrated] == user % 2]]
        assert liked.min() > scores[user, unrated[taste[unrated] != user % 2]].max()


def test_full_softmax_is_the_mean_log_probability_of_the_likes_held_back() -> None:
    train, _ = two_tastes()
    model = fitted(train, **SOFTMAX)
    model.held_back = 0.5
    network, likes = model._start(0, torch.Generator()).shared_by(model), model._likes(train)
    loss = model._loss(network, likes, torch.Generator().manual_seed(3))
    held = torch.rand(likes.nnz, generator=torch.Generator().manual_seed(3)).numpy() < 0.5
    users, items, _ = observed(likes)
    seen = np.zeros((60, 40))
    seen[users[~held], items[~held]] = 1
    x = seen @ model.input_embeddings / np.sqrt(np.maximum(seen.sum(1, keepdims=True), 1))
    matrix, shift = model.network[: 16 * 16].reshape(16, 16), model.network[16 * 16 :]
    z = (np.tanh(x) @ matrix.T + shift) @ model.output_embeddings.T + model.output_bias
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    assert loss.item() == pytest.approx(-log_p[users[held], items[held]].mean(), rel=1e-4)


def test_sampled_softmax_estimates_the_full_one() -> None:
    train, _ = two_tastes()
    model = fitted(train, **SOFTMAX, n_sampled=20)
    network = model._start(0, torch.Generator()).shared_by(model)
    losses = []
    for n_sampled in (None, 20_000):
        model.n_sampled = n_sampled
        generator = torch.Generator().manual_seed(3)
        losses.append(model._loss(network, model._likes(train), generator).item())
    assert losses[1] == pytest.approx(losses[0], abs=0.06)


def test_calibration_is_not_misled_by_what_the_network_has_learned_by_heart() -> None:
    """Ratings at random: the logit of a rating that was not learned from tells nothing."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((300, 60)) < 0.4)
    stars = rng.integers(1, 6, users.size).astype(float)
    model = fitted(csr_matrix(users, items, stars, (300, 60)), **SOFTMAX, stopping=None)
    factors = model._factors()
    beside_biases = np.einsum("pk,pk->p", factors.users[users], factors.items[items])
    assert beside_biases.std() < 0.1


@pytest.mark.parametrize("family", [NEURAL_CF, RESIDUAL, SOFTMAX])
def test_the_global_random_state_is_left_alone(family: dict[str, Any]) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fitted(planted(20, 15)[0], **{**family, "n_steps": 1})
    assert torch.rand(1) == expected
