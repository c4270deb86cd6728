"""Adam for weights of the columns of ratings, of which a minibatch of rows uses only some.

A weight whose column has no rating in a minibatch still moves: by the momentum of its gradients
and by its penalty. These steps need nothing but the weight itself. So they are all made at once,
in the processor's cache, right after the step of the minibatch that uses the column, up to the
next one that does; which that is, is known from the order of the rows in the epoch. The results
are those of ``torch.optim.Adam`` with ``weight_decay`` and of a moving average over its updates,
but no gradient of all weights is ever stored, and no weight is read that is not used.

Threads share out columns, or hidden units; no sum is split between them, so the results are the
same with any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fivestar.models.compiled import compiled
from fivestar.models.threads import rows_in_threads

Array = NDArray[np.float32]

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam: beta_1, beta_2 and epsilon (Kingma and Ba, 2015)."""
KEPT_1, NEW_1 = np.float32(MEAN_DECAY), np.float32(1 - MEAN_DECAY)
KEPT_2, NEW_2 = np.float32(SQUARE_DECAY), np.float32(1 - SQUARE_DECAY)
LEAST = np.float32(EPSILON)


@dataclass(frozen=True)
class Block:
    """Entries of some rows of a sparse matrix, ordered by column.

    Attributes
    ----------
    n_rows
        Number of the rows.
    used : (n_used,) columns that have an entry, in rising order
    starts : (n_used + 1,) where their entries start and end
    rows : (n_entries,) number of the row, from 0
    places : (n_entries,) of the entries in the matrix
    order : (n_entries,) of the entries among those of the rows one after the other
    """

    n_rows: int
    used: NDArray[np.int32]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    places: NDArray[np.int64]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, matrix: sparse.csr_array, rows: NDArray[np.integer]) -> Block:
        lengths = matrix.indptr[rows + 1] - matrix.indptr[rows]
        n_entries = int(lengths.sum())
        numbers = np.empty(n_entries, np.int32)
        places, order = np.empty(n_entries, np.int64), np.empty(n_entries, np.int64)
        starts = np.zeros(matrix.shape[1] + 1, np.int64)
        _by_column(matrix.indptr, matrix.indices, rows, starts, numbers, places, order)
        used = np.flatnonzero(np.diff(starts))
        starts = np.append(starts[used], n_entries)
        return cls(len(rows), used.astype(np.int32), starts, numbers, places, order)

    @classmethod
    def empty(cls, width: int) -> Block:
        """No rows, yet all columns are used: by nothing."""
        places, starts = np.empty(0, np.int64), np.zeros(width + 1, np.int64)
        return cls(
            0, np.arange(width, dtype=np.int32), starts, np.empty(0, np.int32), places, places
        )

    @property
    def columns(self) -> Tensor:
        """Column of each entry, (n_entries,)."""
        return torch.from_numpy(np.repeat(self.used, np.diff(self.starts)))


class ColumnWeights:
    """Matrices of a vector for each column, and products with blocks of ratings.

    Their gradients are not torch's: ``gradients`` keeps what they are made of, by the name of the
    matrix, the gradient of row j being the sum of value times vector over the block's entries of
    column j, the vector that of the entry's row.
    """

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.gradients: dict[str, tuple[Block, Array, Array]] = {}

    def sums(self, block: Block, values: Mapping[str, Tensor], bias: Tensor) -> Tensor:
        """Bias + sum of X M over matrices M by name, (n_rows, h), X having these values."""
        return cast(Tensor, _Sums.apply(self, block, values, bias))  # type: ignore[no-untyped-call]

    def products(self, block: Block, codes: Tensor, name: str) -> Tensor:
        """Products of a row's code and a column's vector at the entries, (n_entries,)."""
        return cast(Tensor, _Products.apply(self, block, codes, name))  # type: ignore[no-untyped-call]


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, columns: ColumnWeights, block: Block, values: Mapping[str, Tensor], bias: Tensor
    ) -> Tensor:
        ctx.columns, ctx.block, ctx.values = columns, block, values
        out = bias.repeat(block.n_rows, 1)
        for name, each in values.items():
            _add(block, each.numpy(), columns.weights[name], out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None, Tensor]:
        vectors = gradient.contiguous().numpy()
        for name, values in ctx.values.items():
            ctx.columns.gradients[name] = ctx.block, values.numpy(), vectors
        return None, None, None, gradient.sum(0)


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, columns: ColumnWeights, block: Block, codes: Tensor, name: str) -> Tensor:
        ctx.columns, ctx.block, ctx.codes, ctx.name = columns, block, codes, name
        out = np.empty(len(block.rows), np.float32)
        arrays = block.used, block.starts, block.rows, codes.numpy(), columns.weights[name], out
        rows_in_threads(
            lambda first, end: _dot_products(first, end, *arrays),
            block.starts,
            len(out) * codes.shape[1],
        )
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor, None]:
        values = gradient.contiguous().numpy()
        ctx.columns.gradients[ctx.name] = ctx.block, values, ctx.codes.detach().numpy()
        of_codes = torch.zeros_like(ctx.codes)
        _add(ctx.block, values, ctx.columns.weights[ctx.name], of_codes.numpy())
        return None, None, of_codes, None


class ColumnAdam:
    """Learns ``ColumnWeights`` from minibatches of rows of a sparse matrix.

    Attributes
    ----------
    columns
        The weights as they are for the minibatch to come, where that uses them.
    averages
        Moving averages of the weights over the updates, by name.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        matrix: sparse.csr_array,
        rows: NDArray[np.integer],
        *,
        learning_rate: float,
        l2: float,
        averaging: float,
    ) -> None:
        """``rows`` are those to learn from; their penalty is ``l2`` times the sum of squares."""
        self.columns = ColumnWeights(weights)
        self.averages = {name: weight.copy() for name, weight in weights.items()}
        self.moments = {
            name: (np.zeros_like(weight), np.zeros_like(weight)) for name, weight in weights.items()
        }
        self.matrix, self.rows = matrix, rows
        self.learning_rate, self.penalty = learning_rate, np.float32(2 * l2)
        self.averaging = averaging
        self.next_use = np.empty(matrix.nnz, np.int32)
        self.n_updates = self.minibatch = 0

    def begin(self, minibatches: Sequence[Tensor]) -> None:
        """Start an epoch of minibatches, which are given by numbers of rows."""
        n_steps, width = len(minibatches), self.matrix.shape[1]
        order = self.rows[torch.cat(list(minibatches)).numpy()]
        first_use = np.empty(width, np.int32)
        entries = self.matrix.indptr, self.matrix.indices
        _find_uses(*entries, order, len(minibatches[0]), n_steps, self.next_use, first_use)
        number = self.n_updates + 1 + np.arange(n_steps)
        kept = np.minimum(self.averaging, number / (number + 9))
        rate = self.learning_rate / (1 - MEAN_DECAY**number)
        root = 1 / np.sqrt(1 - SQUARE_DECAY**number)
        self.schedule = np.stack([rate, root, 1 - kept], 1).astype(np.float32)
        self.n_updates, self.minibatch = self.n_updates + n_steps, 0
        none = Block.empty(width)
        for name in self.columns.weights:
            no_values, no_vectors = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
            self._update(name, none, no_values, no_vectors, first_use)

    def step(self) -> None:
        """Use the gradients of a minibatch."""
        for name, (block, values, vectors) in self.columns.gradients.items():
            until = self.next_use[block.places[block.starts[:-1]]]
            self._update(name, block, values, vectors, until)
        self.columns.gradients.clear()
        self.minibatch += 1

    def _update(
        self, name: str, block: Block, values: Array, vectors: Array, until: NDArray[np.int32]
    ) -> None:
        weight = self.columns.weights[name]
        entries = block.used, block.starts, block.rows, values, vectors, until
        state = weight, *self.moments[name], self.averages[name]
        rows_in_threads(
            lambda first, end: _update(
                first, end, *entries, *state, self.schedule, self.penalty, self.minibatch
            ),
            block.starts,
            (len(values) + len(until)) * weight.shape[1],
        )


def _add(block: Block, values: Array, vectors: Array, out: Array) -> None:
    """Add value times the column's vector to its row of ``out`` for each entry."""
    arrays = block.used, block.starts, block.rows, values, vectors, out
    rows_in_threads(
        lambda first, end: _add_vectors(first, end, *arrays),
        len(values) * np.arange(out.shape[1] + 1),
        len(values) * out.shape[1],
    )


@compiled
def _by_column(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    rows: NDArray[np.integer],
    starts: NDArray[np.int64],
    numbers: NDArray[np.int32],
    places: NDArray[np.int64],
    order: NDArray[np.int64],
) -> None:
    """Set all from ``starts`` on, which holds zeros."""
    for row in rows:
        for at in range(indptr[row], indptr[row + 1]):
            starts[indices[at] + 1] += 1
    for column in range(1, len(starts)):
        starts[column] += starts[column - 1]
    filled, n = starts[:-1].copy(), 0
    for number in range(len(rows)):
        for at in range(indptr[rows[number]], indptr[rows[number] + 1]):
            to = filled[indices[at]]
            filled[indices[at]] += 1
            numbers[to], places[to], order[to] = number, at, n
            n += 1


@compiled
def _find_uses(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    rows: NDArray[np.integer],
    batch_size: int,
    n_batches: int,
    next_use: NDArray[np.int32],
    first_use: NDArray[np.int32],
) -> None:
    """Find the minibatch after an entry's own in which its column has one again.

    ``first_use`` is that of the columns. Where there is none it is the number of minibatches.
    """
    first_use[:] = n_batches
    for batch in range(n_batches - 1, -1, -1):
        some = rows[batch * batch_size : (batch + 1) * batch_size]
        for row in some:
            for at in range(indptr[row], indptr[row + 1]):
                next_use[at] = first_use[indices[at]]
        for row in some:
            for at in range(indptr[row], indptr[row + 1]):
                first_use[indices[at]] = batch


@compiled
def _add_vectors(
    first: int,
    end: int,
    used: NDArray[np.int32],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    values: Array,
    vectors: Array,
    out: Array,
) -> None:
    """The hidden units from ``first`` to ``end``."""
    for c in range(len(used)):
        vector = vectors[used[c], first:end]
        for at in range(starts[c], starts[c + 1]):
            total, value = out[rows[at], first:end], values[at]
            for k in range(len(vector)):
                total[k] += value * vector[k]


@compiled
def _dot_products(
    first: int,
    end: int,
    used: NDArray[np.int32],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    codes: Array,
    vectors: Array,
    out: Array,
) -> None:
    """The used columns from ``first`` to ``end``."""
    for c in range(first, end):
        vector = vectors[used[c]]
        for at in range(starts[c], starts[c + 1]):
            code, product = codes[rows[at]], np.float32(0)
            for k in range(len(vector)):
                product += code[k] * vector[k]
            out[at] = product


@compiled
def _update(
    first: int,
    end: int,
    used: NDArray[np.int32],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    values: Array,
    vectors: Array,
    until: NDArray[np.int32],
    weights: Array,
    means: Array,
    squares: Array,
    averages: Array,
    schedule: Array,
    penalty: np.float32,
    step: int,
) -> None:
    """Make the steps of used columns from ``step`` until their next use.

    Only the first has a gradient beside that of the penalty.
    """
    size = weights.shape[1]
    gradient = np.empty(size, np.float32)
    for c in range(first, end):
        gradient[:] = 0
        for at in range(starts[c], starts[c + 1]):
            vector, value = vectors[rows[at]], values[at]
            for k in range(size):
                gradient[k] += value * vector[k]
        column = used[c]
        weight, average = weights[column], averages[column]
        mean, square = means[column], squares[column]
        for number in range(step, until[c]):
            rate, root, new = schedule[number, 0], schedule[number, 1], schedule[number, 2]
            for k in range(size):
                slope = gradient[k] + penalty * weight[k]
                gradient[k] = 0
                mean[k] = KEPT_1 * mean[k] + NEW_1 * slope
                square[k] = KEPT_2 * square[k] + NEW_2 * (slope * slope)
            for k in range(size):
                weight[k] -= rate * mean[k] / (np.sqrt(square[k]) * root + LEAST)
            for k in range(size):
                average[k] += new * (weight[k] - average[k])
