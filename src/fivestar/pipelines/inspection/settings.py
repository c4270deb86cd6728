"""What to look at in a trained model, and how."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

from fivestar.analysis.maps import Method
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


class InspectionSettings(Settings):
    """Settings of the pipeline ``inspection``.

    Parameters
    ----------
    items
        Titles, or parts of them, whose neighbours are wanted; none: the most rated items.
    n_neighbours
        Of each of these items.
    min_ratings
        Items with fewer, in train and validation, are left out of neighbours, map and lists.
    map
        ``tsne`` keeps neighbours close; ``pca`` shows the two directions of most variance.
    map_items
        Items on the map at the most, the most rated ones.
    perplexity
        Of t-SNE: about how many neighbours of an item are kept close.
    n_factors
        Factors to describe, the strongest.
    n_extremes
        Items listed at each end of the biases and of a factor.
    reference
        A trained model whose errors are drawn beside; None draws none.
    seed
        Of the map and of samples.
    """

    items: Texts
    n_neighbours: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(1)]
    map: Method
    map_items: Annotated[int, Ge(2)]
    perplexity: Annotated[float, Gt(0)]
    n_factors: Annotated[int, Ge(1)]
    n_extremes: Annotated[int, Ge(1)]
    reference: str | None
    seed: int
