"""How good predictions are: errors, ranking, calibration, significance."""

from fivestar.metrics.errors import gaussian_nll, mae, mse, rmse

__all__ = ["gaussian_nll", "mae", "mse", "rmse"]
