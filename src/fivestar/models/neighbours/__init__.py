"""Ratings of similar items, or by similar users, weighted by similarity."""
