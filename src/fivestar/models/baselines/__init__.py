"""The simplest predictors, which every other one has to beat."""
