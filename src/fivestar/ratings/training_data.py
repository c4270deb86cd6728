"""Everything that a model may learn from, as one value with a fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.files import replacing
from fivestar.ratings.features import Features
from fivestar.ratings.scale import Scale
from fivestar.ratings.sparse import Indices, csr_matrix, merge, observed
from fivestar.ratings.vocabulary import Vocabulary

DESCRIPTION = "training_data.json"
MATRICES = ("train_matrix", "validation_matrix", "user_features", "item_features")
FILES = (*(f"{name}.npz" for name in MATRICES), "vocabulary.json", DESCRIPTION)
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
    """

    train: sparse.csr_array
    validation: sparse.csr_array
    vocabulary: Vocabulary
    features: Features
    scale: Scale
    place: str = ""

    @cached_property
    def ratings(self) -> sparse.csr_array:
        """Train and validation together."""
        return merge(self.train, self.validation)

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that any change of the content changes; the place is no content."""
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
        return digest.hexdigest()

    @property
    def title(self) -> str:
        """How people are told which data a result is of: ``ml-100k/fold-1, split 3f2a91c0``."""
        return ", ".join(filter(None, [self.place, f"split {self.fingerprint[:SHOWN]}"]))

    @property
    def identity(self) -> dict[str, str]:
        """What a model keeps of the data that it was trained on."""
        return {
            "place": self.place,
            "fingerprint": self.fingerprint,
            "vocabulary": self.vocabulary.fingerprint,
        }

    @property
    def n_ratings(self) -> pd.Series:
        """Ratings of each item in train and validation, by index."""
        return pd.Series(np.bincount(self.ratings.indices, minlength=self.train.shape[1]))

    def of_users(self, users: Indices) -> TrainingData:
        """Of these users only, on indices of their own."""
        return replace(
            self,
            train=self.train[users],
            validation=self.validation[users],
            vocabulary=replace(self.vocabulary, users=self.vocabulary.users[users]),
            features=replace(self.features, users=self.features.users[users]),
        )

    def without_items(self, items: Indices) -> TrainingData:
        """Without any rating of these items, on the same indices."""
        train, validation = _without(self.train, items), _without(self.validation, items)
        return replace(self, train=train, validation=validation)

    def save(self, folder: Path) -> None:
        """Write ``FILES``; the description comes last, so that a folder with one is whole."""
        (folder / DESCRIPTION).unlink(missing_ok=True)
        for name, matrix in self._matrices().items():
            with replacing(folder / f"{name}.npz") as path:
                sparse.save_npz(path, matrix, compressed=False)
        _write_json(folder / "vocabulary.json", self.vocabulary.to_dict())
        scale = {"lowest": self.scale.lowest, "highest": self.scale.highest}
        _write_json(folder / DESCRIPTION, {**self.identity, "scale": scale})

    @classmethod
    def load(cls, folder: Path) -> TrainingData:
        """Read what ``save`` wrote."""
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        ids = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        train, validation, users, items = (
            sparse.csr_array(sparse.load_npz(folder / f"{name}.npz")) for name in MATRICES
        )
        return cls(
            train,
            validation,
            Vocabulary.from_dict(ids),
            Features(users, items),
            Scale(**description["scale"]),
            description["place"],
        )

    def _matrices(self) -> dict[str, sparse.csr_array]:
        matrices = (self.train, self.validation, self.features.users, self.features.items)
        return dict(zip(MATRICES, matrices, strict=True))


def _without(ratings: sparse.csr_array, items: Indices) -> sparse.csr_array:
    users, columns, values = observed(ratings)
    kept = ~np.isin(columns, items)
    return csr_matrix(users[kept], columns[kept], values[kept], ratings.shape)


def _write_json(path: Path, value: object) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
