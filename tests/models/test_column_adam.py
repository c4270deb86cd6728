"""Weights of columns, learned from minibatches that use some of them, as torch learns all."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from fivestar.models import threads
from fivestar.models.column_adam import Block, ColumnAdam, ColumnWeights
from fivestar.ratings import csr_matrix

N_ROWS, WIDTH, HIDDEN = 23, 40, 5
RATE, L2, AVERAGING, BATCH = 0.05, 0.02, 0.9, 4
NAMES = "first", "second", "third"


class Learned(NamedTuple):
    """Weights, and their moving averages, by name."""

    weights: dict[str, np.ndarray]
    averages: dict[str, np.ndarray]


@pytest.fixture
def matrix() -> sparse.csr_array:
    """Columns from one that every row has to one that none has; the third row is empty."""
    random = np.random.default_rng(0)
    inside = random.random((N_ROWS, WIDTH)) < np.linspace(1.01, 0, WIDTH)
    inside[2] = False
    rows, columns = np.nonzero(inside)
    return csr_matrix(rows, columns, random.normal(size=len(rows)), (N_ROWS, WIDTH))


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {name: random.normal(size=(WIDTH, HIDDEN)).astype(np.float32) for name in NAMES}


@pytest.fixture
def bias() -> Tensor:
    return torch.linspace(-1, 1, HIDDEN).requires_grad_()


def epochs(rows: np.ndarray) -> list[list[Tensor]]:
    """Three orders of the rows' numbers, in minibatches."""
    random = np.random.default_rng(2)
    orders = [torch.from_numpy(random.permutation(len(rows))) for _ in range(3)]
    return [list(torch.split(order, BATCH)) for order in orders]


def loss_of(units: Tensor, products: Tensor) -> Tensor:
    """Of some kind that has all gradients."""
    return (units.square().mean() + (products - 1).square().sum()) / 10


def sparsely(matrix: sparse.csr_array, weights: dict[str, np.ndarray], bias: Tensor) -> Learned:
    rows = np.flatnonzero(np.diff(matrix.indptr))
    settings = {"learning_rate": RATE, "l2": L2, "averaging": AVERAGING}
    weights = {name: weight.copy() for name, weight in weights.items()}
    adam = ColumnAdam(weights, matrix, rows, **settings)
    for minibatches in epochs(rows):
        adam.begin(minibatches)
        for minibatch in minibatches:
            block = Block.of(matrix, rows[minibatch.numpy()])
            values = torch.from_numpy(matrix.data[block.places])
            units = adam.columns.sums(block, {"first": values, "second": 2 * values}, bias)
            products = adam.columns.products(block, torch.tanh(units), "third")
            torch.autograd.backward(loss_of(units, products))
            adam.step()
    return Learned(weights, adam.averages)


def densely(matrix: sparse.csr_array, start: dict[str, np.ndarray], bias: Tensor) -> Learned:
    rows = np.flatnonzero(np.diff(matrix.indptr))
    weights = {name: torch.tensor(start[name], requires_grad=True) for name in NAMES}
    averages = {name: start[name].copy() for name in NAMES}
    adam = torch.optim.Adam(weights.values(), RATE, weight_decay=2 * L2)
    n_updates = 0
    for minibatches in epochs(rows):
        for minibatch in minibatches:
            x = torch.from_numpy(matrix[rows[minibatch.numpy()]].toarray())
            units = bias + x @ weights["first"] + 2 * x @ weights["second"]
            products = (torch.tanh(units) @ weights["third"].T)[x != 0]
            adam.zero_grad()
            torch.autograd.backward(loss_of(units, products))
            adam.step()
            n_updates += 1
            kept = min(AVERAGING, n_updates / (n_updates + 9))
            for name in NAMES:
                averages[name] += (1 - kept) * (weights[name].detach().numpy() - averages[name])
    return Learned({name: weights[name].detach().numpy() for name in NAMES}, averages)


def test_every_weight_moves_as_by_adam_on_the_dense_loss(
    matrix: sparse.csr_array, weights: dict[str, np.ndarray], bias: Tensor
) -> None:
    ours, expected = sparsely(matrix, weights, bias), densely(matrix, weights, bias)
    for found, dense in zip(ours, expected, strict=True):
        for name in NAMES:
            assert np.abs(dense[name] - weights[name]).max() > 0.3
            np.testing.assert_allclose(found[name], dense[name], atol=2e-5)


def test_results_are_the_same_with_any_number_of_threads(
    matrix: sparse.csr_array,
    weights: dict[str, np.ndarray],
    bias: Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "WORTH_A_WAITING_THREAD", 1)
    monkeypatch.setenv("FIVESTAR_NUM_THREADS", "1")
    alone = sparsely(matrix, weights, bias)
    monkeypatch.setenv("FIVESTAR_NUM_THREADS", "3")
    together = sparsely(matrix, weights, bias)
    for name in NAMES:
        np.testing.assert_array_equal(alone.weights[name], together.weights[name])
        np.testing.assert_array_equal(alone.averages[name], together.averages[name])


def test_products_with_a_block_are_dense_and_so_are_their_gradients(
    matrix: sparse.csr_array, weights: dict[str, np.ndarray], bias: Tensor
) -> None:
    rows = np.array([7, 2, 0])
    block, columns = Block.of(matrix, rows), ColumnWeights(weights)
    x, values = torch.from_numpy(matrix[rows].toarray()), matrix.data[block.places]
    at = torch.from_numpy(block.rows), block.columns
    np.testing.assert_array_equal(x[at], values)
    np.testing.assert_array_equal(matrix[rows].data[block.order], values)

    dense = {name: torch.tensor(weight, requires_grad=True) for name, weight in weights.items()}
    units = columns.sums(block, {"first": torch.from_numpy(values)}, bias)
    expected = bias + x @ dense["first"]
    torch.testing.assert_close(units, expected)
    products = columns.products(block, units, "third")
    expected_products = (expected @ dense["third"].T)[at]
    torch.testing.assert_close(products, expected_products)
    of_bias = torch.autograd.grad(loss_of(units, products), bias)[0]
    loss = loss_of(expected, expected_products)
    torch.testing.assert_close(of_bias, torch.autograd.grad(loss, bias, retain_graph=True)[0])
    for name in ("first", "third"):
        _, value, vectors = columns.gradients[name]
        found = np.zeros_like(weights[name])
        np.add.at(found, block.columns.numpy(), value[:, None] * vectors[block.rows])
        gradient = torch.autograd.grad(loss, dense[name], retain_graph=True)[0]
        np.testing.assert_allclose(found, gradient, atol=1e-5)
