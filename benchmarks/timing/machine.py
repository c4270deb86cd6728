"""What a timing depends on beside the code."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.timing.contenders import ROOT
from fivestar.lineage.revision import git_revision

SETTINGS = ("OPENBLAS_", "OMP_", "MKL_", "NUMBA_")
"""How variables of the environment begin that change how fast numbers are multiplied."""


def describe() -> dict[str, Any]:
    """Processor, cores that may be used, memory in GB, system, settings."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor(),
        "cores": n_cores(),
        "memory": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "settings": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(SETTINGS)
        },
    }


def n_cores() -> int:
    """That this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def told(machine: dict[str, Any]) -> str:
    """In one line."""
    settings = " ".join(f"{name}={value}" for name, value in machine["settings"].items())
    line = "{processor}, {cores} cores, {memory} GB, {system}".format(**machine)
    return f"{line}, {settings}" if settings else line


def shortened(revision: str) -> str:
    """Its first twelve digits, and still whether files differed from it.

    >>> shortened("4626998bbfd6087dffb319435452f38acce57256-dirty")
    '4626998bbfd6-dirty'
    """
    digits, dash, dirty = revision.partition("-")
    return f"{digits[:12]}{dash}{dirty}"


def record(command: str, figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the history keeps of one run of a command; see ``history.Figure``."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": git_revision(ROOT),
        "command": command,
        "machine": describe(),
        "figures": figures,
        **more,
    }
