"""What one asks of trained models: similarity, factors, top N, explanation, cold start."""
