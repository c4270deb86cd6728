"""All bad inputs, by kind."""

from __future__ import annotations

from benchmarks.bad_input import options, results, settings, tables
from benchmarks.bad_input.case import Case

CATALOGUE: dict[str, list[Case]] = {
    "Files": tables.FILES,
    "Encodings": tables.ENCODINGS,
    "Columns and rows": tables.SHAPES,
    "Values": tables.VALUES,
    "Sizes": tables.SIZES,
    "Pairs to predict": tables.TEST_PAIRS,
    "People and items": tables.SIDE_TABLES,
    "Parameters of the stages": settings.OF_STAGES,
    "Models and their settings": settings.OF_MODELS,
    "Parameters of what is asked of models": settings.OF_QUESTIONS,
    "YAML": settings.YAML,
    "Outputs of earlier runs": results.OF_RUNS,
    "Loading a result in Python": results.OF_LOAD,
    "Options of a run": options.OPTIONS,
}
"""``python benchmarks/bad_input`` tries each for real; ``tests/test_bad_input.py`` in one process."""
