"""Loops in vector registers give what the same sums in numpy give."""

from __future__ import annotations

import numpy as np
import pytest

from fivestar.models.compiled import compiled
from fivestar.models.vector_loops import EIGHT, products_of_eights


@compiled
def products(out, n, left, row, rows, begin, of):  # type: ignore[no-untyped-def]
    products_of_eights(out, n, left, row, rows, begin, of, left.shape[1] // EIGHT)


@pytest.mark.parametrize("n", [1, 3, 7, 8, 9, 16, 29])
@pytest.mark.parametrize("size", [8, 16, 40])
def test_products_of_a_row_with_others(n: int, size: int) -> None:
    rng = np.random.default_rng(n)
    left, of = (rng.normal(size=(rows, size)).astype(np.float32) for rows in (4, 11))
    rows = rng.integers(0, len(of), 5 + n, dtype=np.int32)
    out = np.full(n + EIGHT, np.nan, dtype=np.float32)
    products(out, n, left, 2, rows, 5, of)
    expected = of[rows[5:]].astype(np.float64) @ left[2]
    np.testing.assert_allclose(out[:n], expected, rtol=1e-5, atol=1e-5)
    assert np.isnan(out[-(-n // EIGHT) * EIGHT :]).all()
