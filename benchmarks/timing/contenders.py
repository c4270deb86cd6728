"""Libraries side by side: what each calls preparing, fitting so many sweeps, predicting.

A library is imported when its contender is made, for each lives in an environment of its own.
Every contender gets the same matrix, ``n_threads`` threads, and its own default settings but for
the rank and the number of sweeps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

ROOT = Path(__file__).parents[2]
LOWEST, HIGHEST = 0.5, 5.0
"""Of the synthetic stars."""
UNIT = (HIGHEST - LOWEST) / 4
"""What the penalties of ``als`` are in, stars."""
Array = NDArray[Any]


@dataclass
class Contender(ABC):
    """One library on one table of ratings, (n_users, n_items) float32."""

    train: sparse.csr_array
    rank: int
    n_threads: int

    title: ClassVar[str]
    package: ClassVar[str]
    """Whose version is told."""

    @property
    def has_sweeps(self) -> bool:
        """Whether a fit takes sweeps at all."""
        return True

    def prepare(self) -> None:  # noqa: B027 - many take the matrix as it is
        """Bring the ratings into the library's own form."""

    @abstractmethod
    def fit(self, n_sweeps: int) -> None:
        """From the start; a sweep is over users, then items."""

    def predict(self, users: Array, items: Array) -> Array | None:
        """Stars; None where the library predicts something else."""
        return None

    def recommend(self, n: int) -> None:
        """The best items of every user, of those that they have not rated."""
        raise NotImplementedError


def on_scale(stars: Array) -> Array:
    kept: Array = np.clip(stars, LOWEST, HIGHEST)
    return kept


class Fivestar(Contender):
    """A model of this project by its public API, without a validation split."""

    model: ClassVar[str]
    package = "fivestar"

    @cached_property
    def block(self) -> dict[str, Any]:
        """The model's, in the configuration."""
        import yaml

        blocks = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())["models"]
        block: dict[str, Any] = blocks[self.model]
        return block

    @property
    def has_sweeps(self) -> bool:
        return "n_steps" in self.changed(1)

    def fit(self, n_sweeps: int) -> None:
        from fivestar.models import build
        from fivestar.ratings import Scale

        self.fitted = build(self.block | self.changed(n_sweeps), self.model)
        self.fitted.fit(self.train, scale=Scale(LOWEST, HIGHEST))

    def changed(self, n_sweeps: int) -> dict[str, Any]:
        """Settings other than the block's: so many sweeps, measured at the end only."""
        from fivestar.models import find

        model_class = find(self.block["family"])
        assert model_class is not None
        wanted = {
            "n_factors": self.rank,
            "n_steps": n_sweeps,
            "measure_every": n_sweeps,
            "stopping": None,
            "n_chains": 1,
            "n_burn_in": 0,
            "n_kept": 1,
        }
        known = {field.name for field in fields(model_class) if field.init}
        return {name: value for name, value in wanted.items() if name in known}

    def predict(self, users: Array, items: Array) -> Array:
        stars: Array = self.fitted.predict(users, items)
        return stars

    def recommend(self, n: int) -> None:
        from fivestar.analysis.top_n import top_n

        n_users, n_items = self.train.shape
        top_n(self.fitted, np.arange(n_users), self.train, np.arange(n_items), n)


class ALS(Fivestar):
    model, title = "als", "Fivestar `als`, exact"


class BPMF(Fivestar):
    model, title = "bpmf", "Fivestar `bpmf`"


class BayesianMF(Fivestar):
    model, title = "bayesian_mf", "Fivestar `bayesian_mf`"


class NumpyALS(Contender):
    """The objective of ``als`` by the textbook: a loop over rows, one ``solve`` for each."""

    title, package = "numpy, a loop over rows", "numpy"

    def prepare(self) -> None:
        from fivestar.models.factorization.als import ALS as Settings  # noqa: N811

        self.settings = Settings()
        in_units = self.train / np.float32(UNIT)
        self.mean = in_units.data.mean()
        self.sides = in_units, in_units.T.tocsr()

    def fit(self, n_sweeps: int) -> None:
        random = np.random.default_rng(self.settings.seed)
        items = random.standard_normal((self.train.shape[1], self.rank + 1), dtype=np.float32)
        items *= np.float32(self.settings.init_scale)
        items[:, -1] = 0
        users = np.zeros((self.train.shape[0], self.rank + 1), dtype=np.float32)
        for _ in range(n_sweeps):
            self._solve(self.sides[0], users, items)
            self._solve(self.sides[1], items, users)
        self.users, self.items = users, items

    def _solve(self, ratings: sparse.csr_array, own: Array, other: Array) -> None:
        """Set the factors and, last, the bias of each row, given those of the columns."""
        settings = self.settings
        penalties = np.full(self.rank + 1, settings.regularization, dtype=np.float32)
        penalties[-1] = settings.bias_regularization
        design, bias = other.copy(), other[:, -1]
        design[:, -1] = 1
        starts, columns, stars = ratings.indptr, ratings.indices, ratings.data
        for row in range(len(own)):
            part = slice(starts[row], starts[row + 1])
            rated = columns[part]
            if not len(rated):
                continue
            block = design[rated]
            gram = block.T @ block
            gram[np.diag_indices(self.rank + 1)] += (
                len(rated) ** settings.count_exponent * penalties
            )
            targets = stars[part] - self.mean - bias[rated]
            own[row] = np.linalg.solve(gram, block.T @ targets)

    def predict(self, users: Array, items: Array) -> Array:
        own, other = self.users[users], self.items[items]
        products = np.einsum("ij,ij->i", own[:, :-1], other[:, :-1])
        predicted = self.mean + own[:, -1] + other[:, -1] + products
        return on_scale(UNIT * predicted)


class Implicit(Contender):
    """Fits preferences over all pairs; a sweep is 3 steps of conjugate gradients."""

    title, package = "implicit, CG; another objective", "implicit"

    def prepare(self) -> None:
        self.matrix = sparse.csr_matrix(self.train)

    def fit(self, n_sweeps: int) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        settings = {"factors": self.rank, "iterations": n_sweeps, "num_threads": self.n_threads}
        self.model = AlternatingLeastSquares(**settings, random_state=0)
        self.model.fit(self.matrix, show_progress=False)

    def recommend(self, n: int) -> None:
        self.model.recommend(np.arange(self.matrix.shape[0]), self.matrix, N=n)


class LensKit(Contender):
    """Biases first, by damped means; then factors of what they leave, exactly."""

    title, package = "LensKit `BiasedMF`, exact", "lenskit"

    def prepare(self) -> None:
        import pandas as pd
        from lenskit.data import from_interactions_df

        entries = self.train.tocoo()
        columns = {"user_id": entries.row, "item_id": entries.col, "rating": entries.data}
        self.dataset = from_interactions_df(pd.DataFrame(columns))

    def fit(self, n_sweeps: int) -> None:
        from lenskit.als import BiasedMFScorer
        from lenskit.training import TrainingOptions

        self.model = BiasedMFScorer(embedding_size=self.rank, epochs=n_sweeps)
        self.model.train(self.dataset, TrainingOptions(rng=0))

    def predict(self, users: Array, items: Array) -> Array:
        model, bias = self.model, self.model.bias
        u = model.users.numbers(users, missing="negative")
        i = model.items.numbers(items, missing="negative")
        factors = model.user_embeddings[u], model.item_embeddings[i]
        known_both = (u >= 0) & (i >= 0)
        predicted = bias.global_bias + np.where(known_both, np.einsum("ij,ij->i", *factors), 0)
        predicted += np.where(u >= 0, bias.user_biases[u], 0)
        predicted += np.where(i >= 0, bias.item_biases[i], 0)
        return on_scale(predicted)


class Cmfrec(Contender):
    """Biases and factors together; a sweep is 3 steps of conjugate gradients."""

    title, package = "cmfrec, CG", "cmfrec"
    use_cg: ClassVar[bool] = True

    def prepare(self) -> None:
        self.matrix = sparse.coo_matrix(self.train)

    def fit(self, n_sweeps: int) -> None:
        from cmfrec import CMF

        self.model = CMF(
            k=self.rank,
            niter=n_sweeps,
            use_cg=self.use_cg,
            nthreads=self.n_threads,
            precompute_for_predictions=False,
            verbose=False,
        )
        self.model.fit(self.matrix)

    def predict(self, users: Array, items: Array) -> Array:
        return on_scale(self.model.predict(users, items))


class CmfrecExact(Cmfrec):
    title, use_cg = "cmfrec, exact", False


class MyFM(Contender):
    """Gibbs sampling of a factorisation machine of users and items."""

    title, package = "myFM, Gibbs", "myfm"

    def prepare(self) -> None:
        from myfm import MyFMRegressor  # noqa: F401 - imported before the clock of ``fit``

        entries = self.train.tocoo()
        self.design = self._design(entries.row, entries.col)
        self.targets = entries.data.astype(np.float64)

    def fit(self, n_sweeps: int) -> None:
        from myfm import MyFMRegressor

        self.model = MyFMRegressor(rank=self.rank)
        kept = {"n_iter": n_sweeps, "n_kept_samples": 1}
        self.model.fit(self.design, self.targets, group_shapes=list(self.train.shape), **kept)

    def predict(self, users: Array, items: Array) -> Array:
        return on_scale(self.model.predict(self._design(users, items)))

    def _design(self, users: Array, items: Array) -> sparse.csr_matrix:
        """A one for the user and a one for the item of each pair."""
        n_users, n_items = self.train.shape
        columns = np.column_stack([users, n_users + items]).ravel()
        starts = np.arange(0, len(columns) + 1, 2)
        shape = len(users), n_users + n_items
        return sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=shape)


CONTENDERS: dict[str, type[Contender]] = {
    "als": ALS,
    "implicit": Implicit,
    "lenskit": LensKit,
    "cmfrec": Cmfrec,
    "cmfrec_exact": CmfrecExact,
    "numpy": NumpyALS,
    "bpmf": BPMF,
    "bayesian_mf": BayesianMF,
    "myfm": MyFM,
}


def contender_class(name: str) -> type[Contender]:
    """One of the table, or a model of this project by the name of its block."""
    if name in CONTENDERS:
        return CONTENDERS[name]
    return type(name, (Fivestar,), {"model": name, "title": f"Fivestar `{name}`"})
