"""Numerical solvers that models share."""
