"""Co-likes: which items the same users like, and vectors of items whose products tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import eigsh

from fivestar.analysis import similarity
from fivestar.models.progress import progress_bar

Vectors = NDArray[np.floating]
TOO_LARGE = 1e6
"""A cost as many times that of all vectors zero has diverged, though finite as yet."""


def likes(ratings: sparse.csr_array, liked_from: float) -> sparse.csr_array:
    """L, n_users x n_items: 1 where the user rated the item ``liked_from`` or higher."""
    liked = ratings.astype(np.float32)
    liked.data = (ratings.data >= np.float32(liked_from)).astype(np.float32)
    liked.eliminate_zeros()
    return liked


def co_likes(liked: sparse.csr_array) -> sparse.csr_array:
    """X = L^T L with a zero diagonal, n_items x n_items, as a sparse matrix.

    X_ij is the number of users who like both i and j. Only pairs of items that some user
    likes are stored: sum_u n_u^2 of them at the most, n_u the number of the user's likes.
    """
    both = liked.T @ liked
    counts = sparse.csr_array(both - sparse.diags_array(both.diagonal()))
    counts.eliminate_zeros()
    counts.sort_indices()
    return counts


def nearest(
    vectors: Vectors, liked: Sequence[int], allowed: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.intp], Vectors]:
    """The items closest by angle to the mean direction of the liked ones, and their cosines.

    ``liked`` holds the indices of one item or more, which are left out of the answer; ``allowed``
    tells of each item whether it may be in it.
    """
    directions = similarity.directions(vectors)
    with_mean = np.vstack([directions, directions[list(liked)].mean(0)])
    others = np.append(allowed, False)
    others[list(liked)] = False
    return similarity.nearest(with_mean, len(vectors), others, n, "cosine")


@dataclass(frozen=True)
class Embedding:
    """What one run of an optimiser came to.

    Attributes
    ----------
    vectors : V, (n_items, rank), sqrt(counts), those of the lowest cost
    costs : before the first epoch and after each; only the finite ones
    best_epoch : the epoch of ``vectors``
    diverged_at : the epoch that left no usable cost; None where all went well
    """

    vectors: Vectors
    costs: list[float]
    best_epoch: int
    diverged_at: int | None


def embed(
    counts: sparse.csr_array,
    *,
    rank: int,
    optimizer: str,
    learning_rate: float,
    momentum: float,
    n_epochs: int,
    init_scale: float,
    seed: int,
    label: str,
) -> Embedding:
    """Minimise the cost over V from small random vectors, by full-batch steps.

    The counts are divided by their largest eigenvalue while learning, so that a rate means
    the same whatever the number of users, and costs and vectors are of the counts again.

    Parameters
    ----------
    counts
        X, (n_items, n_items), symmetric with a zero diagonal.
    optimizer
        ``adam``, or ``sgd`` with ``momentum``.
    learning_rate
        Of counts with a largest eigenvalue of 1.
    init_scale
        Size of the first vectors, relative to those learnt, about.
    """
    import torch  # for seconds: asking needs none of it

    size = largest_eigenvalue(counts)
    scaled = (counts / np.float32(size)).astype(np.float32)
    of_zeros = sum_of_squares(scaled)
    n_items = counts.shape[0]
    first = np.random.default_rng(seed).standard_normal((n_items, rank), dtype=np.float32)
    learning = torch.from_numpy(first * np.float32(init_scale / np.sqrt(n_items)))
    vectors = learning.numpy()  # the same memory
    steps: torch.optim.Optimizer = torch.optim.SGD([learning], learning_rate, momentum)
    if optimizer == "adam":
        steps = torch.optim.Adam([learning], learning_rate)
    costs: list[float] = []
    best, best_epoch, diverged_at = vectors.copy(), 0, None
    with progress_bar(n_epochs, label) as bar, np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(n_epochs + 1):
            cost, gradient = cost_and_gradient(vectors, scaled, of_zeros)
            if not cost < TOO_LARGE * max(of_zeros, 1):
                diverged_at = epoch
                break
            costs.append(cost * size**2)
            if costs[-1] <= min(costs):
                best, best_epoch = vectors.copy(), epoch
            if epoch < n_epochs:
                learning.grad = torch.from_numpy(gradient)
                steps.step()
                bar.update()
    return Embedding(best * np.float32(np.sqrt(size)), costs, best_epoch, diverged_at)


def cost_and_gradient(
    vectors: Vectors, counts: sparse.csr_array, of_zeros: float
) -> tuple[float, Vectors]:
    r"""sum_{i != j} (v_i . v_j - X_ij)^2 and its derivative by V, without items x items.

    Since ||V V^T||_F^2 = ||V^T V||_F^2, a sum over k x k products, and X_ii = 0,

        C = ||V^T V||_F^2 - sum_i |v_i|^4 - 2 sum_i v_i . (X V)_i + sum_ij X_ij^2,
        dC/dV = 4 (V (V^T V) - diag(|v_i|^2) V - X V),

    in O(nnz(X) k + n k^2) steps and O(n k) memory. ``of_zeros`` is the last term, the cost of
    all vectors zero.
    """
    gram = vectors.T @ vectors  # (rank, rank)
    squares = np.square(vectors).sum(1)  # (n_items,)
    pulled = counts @ vectors  # (n_items, rank)
    cost = (
        np.square(gram, dtype=np.float64).sum()
        - np.square(squares, dtype=np.float64).sum()
        - 2 * np.sum(vectors * pulled, dtype=np.float64)
        + of_zeros
    )
    return float(cost), 4 * (vectors @ gram - squares[:, None] * vectors - pulled)


def sum_of_squares(counts: sparse.csr_array) -> float:
    """sum_ij X_ij^2."""
    return float(np.square(counts.data, dtype=np.float64).sum())


def largest_eigenvalue(counts: sparse.csr_array) -> float:
    """Of a symmetric matrix of counts; 1 where there are none."""
    if counts.nnz == 0:
        return 1.0
    start = np.ones(counts.shape[0])  # a fixed one: the same counts give the same rates
    return float(eigsh(counts.astype(np.float64), k=1, which="LA", v0=start, tol=1e-4)[0][0])
