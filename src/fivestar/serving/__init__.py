"""The champion for other programs: what is asked of it, and MLflow's server around it."""
