"""One thread a test process; what takes longest is begun first."""

import os

import pytest

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    # Models are small, and the processes share the cores.
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with whole runs first: begun last, they would keep one core and leave another."""
    whole = {
        item.path
        for item in items
        if "make_project" in dir(getattr(item, "module", None)) or is_slow(item)
    }
    items.sort(key=lambda item: item.path not in whole)


def is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None
