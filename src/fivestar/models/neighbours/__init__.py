"""Ratings of a user's like items, or of like users, weighted by likeness."""
