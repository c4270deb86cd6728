"""Everything that a model may learn from, as one value with a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.files import replacing_all
from fivestar.ratings.context import COLUMNS, Context
from fivestar.ratings.features import Features
from fivestar.ratings.scale import Scale
from fivestar.ratings.sparse import Indices, merge, with_values, without_items
from fivestar.ratings.vocabulary import Vocabulary

DESCRIPTION = "training_data.json"
MATRICES = ("train_matrix", "validation_matrix", "user_features", "item_features")
CONTEXT = "context.npz"
FILES = (*(f"{name}.npz" for name in MATRICES), CONTEXT, "vocabulary.json", DESCRIPTION)
"""What a folder of training data holds, the description last."""
SHOWN = 8
"""Characters of a fingerprint that people are shown."""


@dataclass(frozen=True)
class TrainingData:
    """Train and validation ratings over one vocabulary, with side features and scale.

    The test split is not among it, and neither are ids that only the test split has.

    Attributes
    ----------
    train, validation : (n_users, n_items) CSR float32; stored entries are the ratings
    vocabulary : ids of users and items by index
    features : side features of the users and items of the vocabulary
    scale : of the ratings
    place : the data set and, where there is one, the fold: ``demo``, ``ml-100k/fold-1``
    train_context, validation_context : times and weights of the ratings, where they have some
    """

    train: sparse.csr_array
    validation: sparse.csr_array
    vocabulary: Vocabulary
    features: Features
    scale: Scale
    place: str = ""
    train_context: Context = field(default_factory=Context)
    validation_context: Context = field(default_factory=Context)

    @cached_property
    def ratings(self) -> sparse.csr_array:
        """Train and validation together."""
        return merge(self.train, self.validation)

    @cached_property
    def context(self) -> Context:
        """Times and weights of the ratings of train and validation together."""
        return self.train_context.merged(self.validation_context)

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that any change of the content changes.

        The place is no content, and neither are times: few models read them, and those compare
        the ``times_fingerprint`` too.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.scale.lowest!r} {self.scale.highest!r}".encode())
        digest.update(self.vocabulary.fingerprint.encode())
        for matrix in self._matrices().values():
            digest.update(repr(matrix.shape).encode())
            for array, dtype in (
                (matrix.indptr, np.int64),
                (matrix.indices, np.int64),
                (matrix.data, np.float32),
            ):
                digest.update(np.ascontiguousarray(array, dtype=dtype).data)
        for weights in self._context("weights").values():
            digest.update(np.ascontiguousarray(weights.data, dtype=np.float64).data)
        return digest.hexdigest()

    @cached_property
    def times_fingerprint(self) -> str:
        """32 hexadecimal digits that any change of a time changes; empty where there are none."""
        times = self._context("times").values()
        digest = hashlib.blake2b(digest_size=16)
        for matrix in times:
            digest.update(np.ascontiguousarray(matrix.data, dtype=np.float64).data)
        return digest.hexdigest() if times else ""

    @property
    def title(self) -> str:
        """How people are told which data a result is of: ``ml-100k/fold-1, split 3f2a91c0``."""
        return title_of(self.place, self.fingerprint)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of ratings by part."""
        return {"train": self.train.nnz, "validation": self.validation.nnz}

    @property
    def identity(self) -> dict[str, str]:
        """What a model keeps of the data that it was trained on."""
        return {
            "place": self.place,
            "fingerprint": self.fingerprint,
            "vocabulary": self.vocabulary.fingerprint,
        }

    def identity_for(self, *, uses_times: bool) -> dict[str, str]:
        """What a model keeps of the data, with the times where it uses them."""
        times = {"times": self.times_fingerprint} if uses_times else {}
        return self.identity | times

    def is_of(self, trained_on: Mapping[str, str]) -> bool:
        """Whether a model that keeps this of its training data was trained on this split."""
        now = self.identity | {"times": self.times_fingerprint}
        return "fingerprint" in trained_on and all(
            trained_on[name] == now[name] for name in ("fingerprint", "times") if name in trained_on
        )

    @property
    def n_ratings(self) -> pd.Series:
        """Ratings of each item in train and validation, by index."""
        n_items = self.train.shape[1]
        of_train, of_validation = (
            np.bincount(part.indices, minlength=n_items) for part in (self.train, self.validation)
        )
        return pd.Series(of_train + of_validation)

    def of_users(self, users: Indices) -> TrainingData:
        """Of these users only, on indices of their own."""
        return replace(
            self._of_entries(lambda matrix: matrix[users]),
            vocabulary=replace(self.vocabulary, users=self.vocabulary.users[users]),
            features=replace(self.features, users=self.features.users[users]),
        )

    def without_items(self, items: Indices) -> TrainingData:
        """Without any rating of these items, on the same indices."""
        return self._of_entries(lambda matrix: without_items(matrix, items))

    def _of_entries(self, change: Callable[[sparse.csr_array], sparse.csr_array]) -> TrainingData:
        """With ratings changed, and their context alike."""
        return replace(
            self,
            train=change(self.train),
            validation=change(self.validation),
            train_context=self.train_context.of_entries(change),
            validation_context=self.validation_context.of_entries(change),
        )

    def save(self, folder: Path) -> None:
        """Write ``FILES``; the description comes last, so that a folder with one is whole."""
        context = {
            f"{part}_{name}": matrix.data
            for name in COLUMNS
            for part, matrix in self._context(name).items()
        }
        scale = {"lowest": self.scale.lowest, "highest": self.scale.highest}
        with replacing_all(folder, FILES) as beside:
            for name, matrix in self._matrices().items():
                sparse.save_npz(beside / f"{name}.npz", matrix, compressed=False)
            np.savez(beside / CONTEXT, allow_pickle=False, **context)
            _write_json(beside / "vocabulary.json", self.vocabulary.to_dict())
            _write_json(beside / DESCRIPTION, {**self.identity, "scale": scale})

    @classmethod
    def load(cls, folder: Path) -> TrainingData:
        """Read what ``save`` wrote."""
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        ids = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        train, validation, users, items = (
            sparse.csr_array(sparse.load_npz(folder / f"{name}.npz")) for name in MATRICES
        )
        with np.load(folder / CONTEXT, allow_pickle=False) as saved:
            values = dict(saved)
        contexts = [
            Context(
                **{
                    name: with_values(ratings, values[f"{part}_{name}"])
                    for name in COLUMNS
                    if f"{part}_{name}" in values
                }
            )
            for part, ratings in (("train", train), ("validation", validation))
        ]
        return cls(
            train,
            validation,
            Vocabulary.from_dict(ids),
            Features(users, items),
            Scale(**description["scale"]),
            description["place"],
            *contexts,
        )

    def _context(self, name: str) -> dict[str, sparse.csr_array]:
        """Times or weights of train and validation, where there are any."""
        parts = {"train": self.train_context, "validation": self.validation_context}
        return {part: each.matrices[name] for part, each in parts.items() if name in each.matrices}

    def _matrices(self) -> dict[str, sparse.csr_array]:
        matrices = (self.train, self.validation, self.features.users, self.features.items)
        return dict(zip(MATRICES, matrices, strict=True))


def title_of(place: str, fingerprint: str) -> str:
    """The place and the beginning of the fingerprint, as people are told them."""
    return ", ".join(filter(None, [place, f"split {fingerprint[:SHOWN]}"]))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
