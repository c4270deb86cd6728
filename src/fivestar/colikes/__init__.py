"""Which items are liked by the same people: counts, embeddings, and what to try next."""
