"""Vectors of many dimensions on a plane."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import directions

Array = NDArray[np.floating]
Method = Literal["tsne", "pca"]

MIN_ITEMS = 5
"""Items that t-SNE can place; fewer are placed by PCA."""
N_CHECKED = 10
"""Neighbours on the map that are compared with those of the vectors."""


def tsne(vectors: Array, perplexity: float, seed: int) -> Array:
    """Places, (n_items, 2), where what is close by cosine is close; far apart says little.

    van der Maaten, Hinton, "Visualizing Data using t-SNE", JMLR 2008.

    Parameters
    ----------
    vectors
        (n_items, k).
    perplexity
        About how many neighbours of each item are kept close; a third of the items at the
        most.
    seed
        Of the random numbers.
    """
    if len(vectors) < MIN_ITEMS:
        return pca(vectors)[0]
    from sklearn.manifold import TSNE  # here, for it takes a second to import

    perplexity = min(perplexity, (len(vectors) - 1) / 3)
    model = TSNE(metric="cosine", perplexity=perplexity, init="pca", random_state=seed)
    places: Array = model.fit_transform(directions(vectors))
    return places


def pca(vectors: Array) -> tuple[Array, Array]:
    """Places on the two axes along which the vectors differ most, and the axes' shares.

    Returns
    -------
    places
        (n_items, 2); zeros where there is no such axis.
    shares
        (2,) of the variance.
    """
    found = principal_factors(vectors, None, 2)
    lacking = 2 - len(found.shares)
    return np.pad(found.scores, ((0, 0), (0, lacking))), np.pad(found.shares, (0, lacking))


def trustworthiness(vectors: Array, places: Array) -> float | None:
    """How far neighbours on the map are neighbours by cosine: 1 is all, 0.5 about random.

    Venna, Kaski, "Neighborhood Preservation in Nonlinear Projection Methods", ICANN 2001.
    None where there are too few items to tell.
    """
    n = min(N_CHECKED, (len(vectors) - 1) // 2)
    if n < 1:
        return None
    from sklearn.manifold import trustworthiness as measure

    return float(measure(directions(vectors), places, n_neighbors=n, metric="cosine"))
