from __future__ import annotations

from .behaviour import ModelBehaviour


class TestNonparametricPCA(ModelBehaviour):
    settings = {"family": "nonparametric_pca"}
    planted_rmse = 0.38


class TestNonparametricPCAWithFewRows(ModelBehaviour):
    settings = {"family": "nonparametric_pca", "max_items": 60}
    planted_rmse = 0.5
