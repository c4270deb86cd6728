"""Fivestar: from a table of ratings to tested rating predictors."""

__version__ = "0.1.0"
