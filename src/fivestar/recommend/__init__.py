"""What to recommend: the best unseen items, how good such lists are, and why these items."""
