"""What is known of users and items beside their ratings, as sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict
from scipy import sparse


@dataclass(frozen=True)
class Features:
    """One row a user or item of the vocabulary; rows of those without features are empty.

    Attributes
    ----------
    users : (n_users, n_user_features) CSR float32
    items : (n_items, n_item_features) CSR float32
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    users: sparse.csr_array
    items: sparse.csr_array
