"""Gaussian models of all ratings of a user together, with the missing ones summed out."""
