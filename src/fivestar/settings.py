"""Kedro's settings: the configuration, and the hooks."""

import warnings

from fivestar.config import ConfigLoader
from fivestar.hooks.line_up import LineUpHook
from fivestar.hooks.lineage import LineageHook
from fivestar.hooks.registry import RegistryHook
from fivestar.hooks.run import RunHook
from fivestar.hooks.side_by_side import SideBySideHook
from fivestar.hooks.spark import SparkHook
from fivestar.hooks.terminal import TerminalHook
from fivestar.hooks.tracking import TrackingHook
from fivestar.hooks.workers import WorkersHook

# Of Kedro's own making, and nothing that a user could fix.
warnings.filterwarnings("ignore", "register_new_resolver", module="kedro")

# Kedro calls the last one first: the table closes a run after all is tracked.
tracking, lineage = TrackingHook(), LineageHook()
HOOKS = (
    TerminalHook(),
    RegistryHook(),
    tracking,
    SideBySideHook(),
    RunHook(lineage, tracking),
    lineage,
    WorkersHook(),
    SparkHook(),
    LineUpHook(),
)
# Every data set is an environment; what it does not say, base does.
CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "demo",
    "merge_strategy": {"parameters": "soft"},
    "config_patterns": {"spark": ["spark*"]},
}
