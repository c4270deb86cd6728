"""Kedro's settings: the hooks, and where the configuration lies."""

from fivestar.line_up import LineUpHook

HOOKS = (LineUpHook(),)
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
