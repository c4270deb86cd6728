"""The stages, from raw ratings to the submission; one folder each."""
