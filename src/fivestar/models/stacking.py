"""Regressions of ratings on the predictions of several models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.floating]
RIDGE = 1e-3
"""Penalty of a weight in the mean squared error, in squared units of the predictions."""
TREES = {
    "n_estimators": 100,
    "learning_rate": 0.05,
    "max_depth": 4,
    "min_samples_leaf": 200,
    "subsample": 0.3,
    "max_features": 0.3,
}
"""Of scikit-learn's boosted trees."""


def ridge_weights(predictions: Array, activity: Array, targets: Array, mean: float) -> Array:
    """Least squares with a small L2 penalty; every weight is linear in the activity.

    Parameters
    ----------
    predictions
        (n, n_models), made without the ratings that they are of.
    activity
        (n, 2) of the pairs.
    targets
        (n,) the ratings.

    Returns
    -------
    (1 + n_models, 3) weights: of the constant, then of each model; columns are the weight at
    usual activity and its changes with the user's and with the item's.
    """
    design = _design(predictions - mean, activity)
    gram = design.T @ design
    free = np.arange(len(gram)) > 0  # all but the constant are penalised
    solution = np.linalg.solve(
        gram + np.diag(RIDGE * len(targets) * free), design.T @ (targets - mean)
    )
    weights: Array = solution.reshape(-1, 3)
    return weights


def non_negative_weights(predictions: Array, targets: Array, mean: float) -> Array:
    """Least squares without negative weights; shaped as those of ``ridge_weights``.

    (Breiman, "Stacked regressions", 1996, found that such weights predict better than free ones
    where models are much alike.)
    """
    weights = np.zeros((1 + predictions.shape[1], 3))
    centred = predictions - mean
    gram = centred.T @ centred
    factor = np.linalg.cholesky(gram + 1e-9 * len(targets) * np.eye(len(gram)))
    weights[1:, 0], _ = nnls(factor.T, np.linalg.solve(factor, centred.T @ (targets - mean)))
    return weights


def combine(predictions: Array, activity: Array, weights: Array, mean: float) -> Array:
    """(n,) what the weights make of the predictions."""
    combined: Array = mean + _design(predictions - mean, activity) @ weights.ravel()
    return combined


def _design(centred: Array, activity: Array) -> Array:
    """(n, 3 (1 + n_models)): each model's predictions, and these times the activity."""
    models = np.concatenate([np.ones((len(centred), 1)), centred], axis=1)
    rates = np.concatenate([np.ones((len(centred), 1)), activity], axis=1)
    design: Array = models[:, :, None] * rates[:, None, :]
    return design.reshape(len(centred), 3 * models.shape[1])


@dataclass(frozen=True)
class Trees:
    """A sum of regression trees, as arrays that can be saved.

    Attributes
    ----------
    features, thresholds : (n_trees, n_nodes) a row goes left where the feature is at most that
    children : (n_trees, n_nodes, 2) left and right; a leaf is its own child
    values : (n_trees, n_nodes) of leaves, scaled by the learning rate
    """

    features: NDArray[np.int32]
    thresholds: NDArray[np.float32]
    children: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def none(cls) -> Trees:
        empty = np.zeros((0, 1))
        return cls(
            empty.astype(np.int32),
            empty.astype(np.float32),
            np.zeros((0, 1, 2), dtype=np.int32),
            empty.astype(np.float32),
        )

    @classmethod
    def fit(cls, columns: Array, targets: Array, seed: int) -> Trees:
        """Gradient boosting of squared errors by scikit-learn (Friedman, 2001 and 2002)."""
        from sklearn.ensemble import GradientBoostingRegressor  # slow to import

        boosted = GradientBoostingRegressor(**TREES, init="zero", random_state=seed)
        boosted.fit(columns.astype(np.float32), targets)
        trees = [stage[0].tree_ for stage in boosted.estimators_]
        n_nodes = max(tree.node_count for tree in trees)
        features = np.zeros((len(trees), n_nodes), dtype=np.int32)
        thresholds = np.zeros((len(trees), n_nodes), dtype=np.float32)
        children = np.zeros((len(trees), n_nodes, 2), dtype=np.int32)
        values = np.zeros((len(trees), n_nodes), dtype=np.float32)
        for number, tree in enumerate(trees):
            nodes = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            features[number, nodes] = np.where(leaf, 0, tree.feature)
            # Rounded down, so that float32 columns go the way they went in training.
            low = tree.threshold.astype(np.float32)
            thresholds[number, nodes] = np.where(
                low > tree.threshold, np.nextafter(low, np.float32(-np.inf)), low
            )
            both = np.stack([tree.children_left, tree.children_right], axis=1)
            children[number, nodes] = np.where(leaf[:, None], nodes[:, None], both)
            values[number, nodes] = boosted.learning_rate * tree.value[:, 0, 0]
        return cls(features, thresholds, children, values)

    def predict(self, columns: Array) -> NDArray[np.float32]:
        """(n,) sums over the trees."""
        rows, given = np.arange(len(columns)), columns.astype(np.float32)
        total = np.zeros(len(columns), dtype=np.float32)
        for feature, threshold, children, value in zip(
            self.features, self.thresholds, self.children, self.values, strict=True
        ):
            node = np.zeros(len(columns), dtype=np.int32)
            for _ in range(int(TREES["max_depth"])):
                right = given[rows, feature[node]] > threshold[node]
                node = children[node, right.astype(np.intp)]
            total += value[node]
        return total
