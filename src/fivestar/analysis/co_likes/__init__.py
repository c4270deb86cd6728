"""Co-likes: which items the same users like."""
