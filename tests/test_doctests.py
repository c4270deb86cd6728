"""The examples in docstrings show what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from .project import ROOT

SOURCES = [path for path in ROOT.glob("src/**/*.py") if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    module = importlib.import_module(name.removesuffix(".__init__"))
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert done.attempted
    assert not done.failed
