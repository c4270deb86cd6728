"""Which state of the code made a result."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_revision(project: Path) -> str:
    """The commit, with ``-dirty`` where files differ from it; ``unknown`` outside of git."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
