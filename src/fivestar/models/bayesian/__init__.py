"""Samples from the posterior: predictions that know how sure they are."""
