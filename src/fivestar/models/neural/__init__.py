"""Neural networks on ratings, in torch."""
