"""``kedro run`` in a process forked from one that has all libraries loaded: seconds less a run."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POLL = 0.01
"""Seconds between two looks at a process."""


def load() -> None:
    """Import what runs import."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"
    import altair  # noqa: F401
    import kedro.framework.cli.cli  # noqa: F401
    import mlflow.tracking  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    from kedro.framework.session import KedroSession  # noqa: F401

    import fivestar.datasets
    import fivestar.hooks.store
    import fivestar.runner  # noqa: F401
    from fivestar.models.baselines import bias, item_mean  # noqa: F401
    from fivestar.models.factorization import als  # noqa: F401


@dataclass
class Run:
    """A run that may go on, and the file that has what it shows."""

    pid: int
    shown_in: Path
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it goes on."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self, seconds: float = 600) -> int:
        """The exit code, once it has ended."""
        until = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.shown_in}: not ended in {seconds} s\n{self.shown}")
            time.sleep(POLL)
        assert self.code is not None
        return self.code

    @property
    def shown(self) -> str:
        """What it has shown on the terminal."""
        return self.shown_in.read_text(encoding="utf-8")


def start(project: Path, *arguments: str, shown_in: Path | None = None, **variables: str) -> Run:
    """``kedro run`` with arguments, in a session of its own."""
    shown_in = shown_in or project / "shown.txt"
    shown_in.write_text("")
    pid = os.fork()
    if pid:
        return Run(pid, shown_in)
    code = 1
    try:
        _become_run(project, shown_in, variables)
        sys.argv = ["kedro", "run", *arguments]
        from kedro.framework.cli.cli import main

        main()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become_run(project: Path, shown_in: Path, variables: Mapping[str, str]) -> None:
    os.setsid()
    atexit._clear()
    shown = os.open(shown_in, os.O_WRONLY | os.O_APPEND)
    os.dup2(shown, 1)
    os.dup2(shown, 2)
    os.chdir(project)
    temporary = project / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ.update({"TMPDIR": str(temporary), "COLUMNS": "200", **variables})
    tempfile.tempdir = None
