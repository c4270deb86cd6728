"""Nearest neighbours on what the biases leave unexplained: similar items, or similar users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.neighbours.kernels import Rows, similarities, weighted_means
from fivestar.models.training import History, TimeLimit, Training
from fivestar.ratings import Indices

BUDGET = 1 << 24
"""Similarities in a block of rows while they are looked for, 8 bytes each."""
BLOCKS = 100
"""Of rows, at the least: the time of all is estimated from the first ones."""

Side = TypeVar("Side")


@dataclass(kw_only=True)
class Neighbours(Model):
    """The mechanism of ``ItemKNN``, and of ``UserKNN`` on the transposed matrix.

    Parameters
    ----------
    n_neighbours
        Ratings in N at the most, but for ties; 0 takes all.
    n_similar
        Similarities kept for each item (or user), the largest in size; 0 keeps all.
    similarity_shrinkage
        l, a number of common ratings: with as many, a similarity counts half.
    amplification
        p; above 1 the closest neighbours count for more.
    weight_shrinkage
        l_w, a sum of weights: with as much, the neighbours count half.
    user_regularization, item_regularization
        Of the biases, as in ``bias``.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) units
    residual_starts, residual_columns, residuals : CSR of e in units, with the items (or users)
        as columns
    similar_starts, similar_columns, weights : CSR of w, of those columns
    """

    by_item: ClassVar[bool]

    n_neighbours: Annotated[int, Ge(0)] = 40
    n_similar: Annotated[int, Ge(0)] = 1000
    similarity_shrinkage: Annotated[float, Ge(0)]
    amplification: Annotated[float, Gt(0)]
    weight_shrinkage: Annotated[float, Ge(0)]
    user_regularization: Annotated[float, Ge(0)] = 8.0
    item_regularization: Annotated[float, Ge(0)] = 3.0

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    residual_starts: NDArray[np.int64] = learned(parameter=False)
    residual_columns: NDArray[np.int32] = learned(parameter=False)
    residuals: NDArray[np.float32] = learned(parameter=False)
    similar_starts: NDArray[np.int64] = learned(parameter=False)
    similar_columns: NDArray[np.int32] = learned(parameter=False)
    weights: NDArray[np.float32] = learned(parameter=False)

    def cost(self, n_users: int, n_items: int, n_ratings: int) -> float:
        """Products of two ratings in one row."""
        return float(n_ratings) ** 2 / (n_users if self.by_item else n_items)

    def _fit(self, training: Training) -> History:
        strengths = self.user_regularization, self.item_regularization
        biases = Biases.of(training.ratings, self.mean[0], *strengths)
        self.user_bias, self.item_bias = biases.users, biases.items
        by_row, by_column = self._residuals(training.ratings)
        self.residual_starts, self.residual_columns, self.residuals = by_row
        n_columns = len(by_column.starts) - 1
        self._find_similar(by_column, 0, n_columns, training.time_limit(BLOCKS))
        return training.once()

    @property
    def _biases(self) -> Biases:
        strengths = self.user_regularization, self.item_regularization
        return Biases(self.mean[0], self.user_bias, self.item_bias, *strengths)

    def _residuals(self, ratings: sparse.csr_array) -> tuple[Rows, Rows]:
        """By row, and by column."""
        residuals = self._biases.residuals(ratings)
        return self._sides(_rows(residuals), _rows(residuals.T.tocsr()))

    def _sides(self, users: Side, items: Side) -> tuple[Side, Side]:
        """What the rows of the residuals are, and what the columns, which are compared."""
        return (users, items) if self.by_item else (items, users)

    def _find_similar(
        self, by_column: Rows, first: int, n_columns: int, limit: TimeLimit | None = None
    ) -> None:
        """Set the CSR of w, a block of its rows at a time.

        The columns from the first on are compared with those of the model's residuals.
        """
        last = len(by_column.starts) - 1
        kept = min(self.n_similar or n_columns, n_columns)
        height = max(1, min(BUDGET // kept, -(-(last - first) // BLOCKS)))
        settings = self.similarity_shrinkage, self.amplification
        blocks = []
        for start in range(first, last, height):
            end = min(start + height, last)
            counts, columns, weights = similarities(
                self._by_row, by_column, start, end, kept, settings
            )
            filled = np.arange(kept) < counts[:, None]
            blocks.append((counts, columns[filled], weights[filled]))
            if limit is not None:
                limit.check(len(blocks))
        counts, self.similar_columns, self.weights = map(np.concatenate, zip(*blocks, strict=True))
        self.similar_starts = np.concatenate([[0], np.cumsum(counts)])

    @property
    def _by_row(self) -> Rows:
        return Rows(self.residual_starts, self.residual_columns, self.residuals)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        rows, targets = self._sides(users, items)
        order = np.argsort(targets, kind="stable")  # then each row of w is looked up once
        scores = self._biases(users, items)
        scores[order] += self._means(self._by_row, rows[order], targets[order])
        return scores

    def _means(self, matrix: Rows, rows: Indices, targets: Indices) -> FloatArray:
        """What the neighbours of each target add, by their values in a row of the matrix."""
        similar = Rows(self.similar_starts, self.similar_columns, self.weights)
        settings = self.n_neighbours, self.weight_shrinkage
        means: FloatArray = weighted_means(rows, targets, matrix, similar, *settings)
        return means


@dataclass(kw_only=True)
class ItemKNN(Neighbours):
    r"""What the user gave to the items most similar to this one.

    With e_ui = r_ui - mu - b_u - b_i the residuals of the regularised biases, and U_ij the
    n_ij users who rated both i and j, the similarity is the correlation of the residuals
    about zero, shrunk where few users stand behind it, then amplified:

        rho_ij = sum_U e_ui e_uj / sqrt(sum_U e_ui^2 sum_U e_uj^2),
        s_ij = rho_ij n_ij / (n_ij + l),    w_ij = sign(s_ij) |s_ij|^p,    w_ii = 0.

    A prediction is the biases plus the weighted mean of the residuals of N(u, i), the rated
    items most similar to i, pulled to zero where their weights add up to little:

        r_ui ~ mu + b_u + b_i + sum_N w_ij e_uj / (l_w + sum_N |w_ij|).

    Weights keep their sign: to dislike the opposite counts as well. (Koren, "Factor in the
    Neighbors", 2010, equations 2 and 3; Bell and Koren, "Improved Neighborhood-based
    Collaborative Filtering", 2007; amplification: Breese, Heckerman, Kadie, "Empirical
    Analysis of Predictive Algorithms", 1998.) A fit takes sum_u n_u^2 steps, n_u the number
    of the user's ratings; no items x items matrix is made.
    """

    family: ClassVar[str] = "item_knn"
    by_item: ClassVar[bool] = True

    similarity_shrinkage: Annotated[float, Ge(0)] = 200.0
    amplification: Annotated[float, Gt(0)] = 1.5
    weight_shrinkage: Annotated[float, Ge(0)] = 0.05

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_bias = self._biases.fold_in(ratings).users
        self.residual_starts, self.residual_columns, self.residuals = self._residuals(ratings)[0]

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        n = user.nnz
        items = np.tile(user.indices.astype(np.int32), n)
        one_each = Rows(n * np.arange(n + 1), items, np.eye(n, dtype=np.float32).ravel())
        weights = self._means(one_each, np.arange(n), np.full(n, item))
        return self._biases.contributions(user, item, weights)


@dataclass(kw_only=True)
class UserKNN(Neighbours):
    r"""What the users most similar to this one gave to the item.

    ``ItemKNN`` with users and items in each other's place: similarities s_uv of users from
    the items that both rated, and

        r_ui ~ mu + b_u + b_i + sum_N w_uv e_vi / (l_w + sum_N |w_uv|)

    over N(i, u), the users most similar to u who rated i. A fit takes sum_i n_i^2 steps, n_i
    the number of the item's ratings: on millions of ratings many more than ``ItemKNN``.
    """

    family: ClassVar[str] = "user_knn"
    by_item: ClassVar[bool] = False

    similarity_shrinkage: Annotated[float, Ge(0)] = 50.0
    amplification: Annotated[float, Gt(0)] = 1.25
    weight_shrinkage: Annotated[float, Ge(0)] = 0.4

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Compare the new users with those of train, who may be among them."""
        self.user_bias = self._biases.fold_in(ratings).users
        starts, columns, values = self._residuals(ratings)[1]
        n_trained = int(self.train_size[0])
        users = Rows(np.pad(starts, (n_trained, 0)), columns, values)
        self._find_similar(users, n_trained, n_trained)
        n_lacking = max(0, n_trained - ratings.shape[0])  # of w's rows, see ``weighted_means``
        self.similar_starts = np.pad(self.similar_starts, (0, n_lacking), mode="edge")


def _rows(matrix: sparse.csr_array) -> Rows:
    return Rows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)
