"""Nearest neighbours on what the biases leave unexplained: items alike, or users alike."""

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
from fivestar.models.training import History, Training
from fivestar.ratings import Positions, csr_matrix, observed

BUDGET = 1 << 24
"""Similarities in a block of rows while they are looked for, 8 bytes each."""

Side = TypeVar("Side")


@dataclass(kw_only=True)
class _Neighbours(Model):
    """The mechanism of ``ItemKNN``, and of ``UserKNN`` on the transposed matrix."""

    by_item: ClassVar[bool]

    n_neighbours: Annotated[int, Ge(0)]
    n_similar: Annotated[int, Ge(0)]
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

    def _fit(self, training: Training) -> History:
        train = training.ratings
        biases = Biases.of(train, self.mean[0], self.user_regularization, self.item_regularization)
        self.user_bias, self.item_bias = biases.users, biases.items
        residuals = self._residuals(train)
        self.residual_starts, self.residual_columns, self.residuals = _rows(residuals)
        self._find_similar(_rows(residuals.T.tocsr()), 0, residuals.shape[1])
        return training.once()

    def _residuals(self, ratings: sparse.csr_array) -> sparse.csr_array:
        users, items, stars = observed(ratings)
        left = stars - self._biases(users, items)
        return csr_matrix(*self._sides(users, items), left, self._sides(*ratings.shape))

    def _find_similar(self, turned: Rows, first: int, n_columns: int) -> None:
        """Set the CSR of w, a block of its rows at a time.

        ``turned`` is the transpose of the residuals; its rows from the first on are compared
        with the residuals' columns.
        """
        last = len(turned.starts) - 1
        kept = min(self.n_similar or n_columns, n_columns)
        height = max(1, BUDGET // kept)
        blocks = []
        for start in range(first, last, height):
            counts, columns, weights = similarities(
                self._rows_of_residuals,
                turned,
                start,
                min(start + height, last),
                kept,
                self.similarity_shrinkage,
                self.amplification,
            )
            filled = np.arange(kept) < counts[:, None]
            blocks.append((counts, columns[filled], weights[filled]))
        counts, self.similar_columns, self.weights = map(np.concatenate, zip(*blocks, strict=True))
        self.similar_starts = np.concatenate([[0], np.cumsum(counts)])

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        rows, targets = self._sides(users, items)
        order = np.argsort(targets, kind="stable")  # then each row of w is looked up once
        stars = self._biases(users, items)
        stars[order] += self._means(self._rows_of_residuals, rows[order], targets[order])
        return stars

    def _means(self, matrix: Rows, rows: Positions, targets: Positions) -> FloatArray:
        """What the neighbours of each target add, by their values in a row of the matrix."""
        similar = Rows(self.similar_starts, self.similar_columns, self.weights)
        settings = self.n_neighbours, self.weight_shrinkage
        means: FloatArray = weighted_means(rows, targets, matrix, similar, *settings)
        return means

    @property
    def _biases(self) -> Biases:
        strengths = self.user_regularization, self.item_regularization
        return Biases(self.mean[0], self.user_bias, self.item_bias, *strengths)

    def _sides(self, users: Side, items: Side) -> tuple[Side, Side]:
        """What the rows of the residuals are, and what the columns, which are compared."""
        return (users, items) if self.by_item else (items, users)

    @property
    def _rows_of_residuals(self) -> Rows:
        return Rows(self.residual_starts, self.residual_columns, self.residuals)


@dataclass(kw_only=True)
class ItemKNN(_Neighbours):
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

    Parameters
    ----------
    n_neighbours
        Rated items in N(u, i) at the most, but for ties; 0 takes all.
    n_similar
        Similarities kept for each item, the largest in size; 0 keeps all.
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
    user_bias, item_bias : (n_users,) and (n_items,) stars
    residual_starts, residual_columns, residuals : CSR of e, users x items, stars
    similar_starts, similar_columns, weights : CSR of w, items x items
    """

    family: ClassVar[str] = "item_knn"
    by_item: ClassVar[bool] = True

    n_neighbours: Annotated[int, Ge(0)] = 40
    n_similar: Annotated[int, Ge(0)] = 1000
    similarity_shrinkage: Annotated[float, Ge(0)] = 200.0
    amplification: Annotated[float, Gt(0)] = 1.5
    weight_shrinkage: Annotated[float, Ge(0)] = 0.05

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_bias = self._biases.fold_in(ratings).users
        self.residual_starts, self.residual_columns, self.residuals = _rows(
            self._residuals(ratings)
        )

    def _contributions(self, person: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        influence = self._influence_of_residuals(person, item)
        return self._biases.contributions(person, item, influence)

    def _influence_of_residuals(self, person: sparse.csr_array, item: int) -> FloatArray:
        n = person.nnz
        one_each = sparse.csr_array(
            (np.eye(n, dtype=np.float32).ravel(), np.tile(person.indices, n), n * np.arange(n + 1)),
            shape=(n, person.shape[1]),
        )
        return self._means(_rows(one_each), np.arange(n), np.full(n, item))


@dataclass(kw_only=True)
class UserKNN(_Neighbours):
    r"""What the users most similar to this one gave to the item.

    ``ItemKNN`` with users and items in each other's place: similarities s_uv of users from
    the items that both rated, and

        r_ui ~ mu + b_u + b_i + sum_N w_uv e_vi / (l_w + sum_N |w_uv|)

    over N(i, u), the users most similar to u who rated i. A fit takes sum_i n_i^2 steps, n_i
    the number of the item's ratings: on millions of ratings many more than ``ItemKNN``.

    Parameters
    ----------
    n_neighbours
        Users in N(i, u) at the most, but for ties; 0 takes all.
    n_similar
        Similarities kept for each user, the largest in size; 0 keeps all.
    similarity_shrinkage, amplification, weight_shrinkage
        l, p and l_w, as in ``ItemKNN``.
    user_regularization, item_regularization
        Of the biases, as in ``bias``.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) stars
    residual_starts, residual_columns, residuals : CSR of e, items x users, stars
    similar_starts, similar_columns, weights : CSR of w, users x users
    """

    family: ClassVar[str] = "user_knn"
    by_item: ClassVar[bool] = False

    n_neighbours: Annotated[int, Ge(0)] = 40
    n_similar: Annotated[int, Ge(0)] = 1000
    similarity_shrinkage: Annotated[float, Ge(0)] = 50.0
    amplification: Annotated[float, Gt(0)] = 1.25
    weight_shrinkage: Annotated[float, Ge(0)] = 0.4

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Compare the people with the users of train, who may be among them."""
        self.user_bias = self._biases.fold_in(ratings).users
        starts, columns, residuals = _rows(self._residuals(ratings).T.tocsr())
        n_trained = int(self.train_size[0])
        people = Rows(np.pad(starts, (n_trained, 0)), columns, residuals)
        self._find_similar(people, n_trained, n_trained)
        n_lacking = max(0, n_trained - ratings.shape[0])  # of w's rows, see ``weighted_means``
        self.similar_starts = np.pad(self.similar_starts, (0, n_lacking), mode="edge")


def _rows(matrix: sparse.csr_array) -> Rows:
    return Rows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)
