"""Kedro's settings: the hooks, and where the configuration lies."""

import warnings

from fivestar.hooks.environment import EnvironmentHook
from fivestar.hooks.line_up import LineUpHook
from fivestar.hooks.terminal import TerminalHook
from fivestar.hooks.tracking import TrackingHook
from fivestar.hooks.workers import WorkersHook

# Of Kedro's own making, and nothing that a user could mend.
warnings.filterwarnings("ignore", "register_new_resolver", module="kedro")
warnings.filterwarnings("ignore", "One or more dataset names contain '.'", module="kedro")

# Kedro calls the last one first: the table closes a run after all is tracked.
HOOKS = (TerminalHook(), TrackingHook(), WorkersHook(), LineUpHook(), EnvironmentHook())
# Every data set is an environment; what it does not say, base does.
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "demo",
    "merge_strategy": {"parameters": "soft"},
}
