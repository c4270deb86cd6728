"""One run at a time writes in one place."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from fivestar.errors import InputError
from fivestar.files import replacing

logger = logging.getLogger(__name__)


class PlaceLock:
    """The lock of a place; the system releases it when the process that holds it ends.

    Parameters
    ----------
    project
        The project's folder.
    place
        Data set and fold, such as ``ml-100k/fold-1``.
    """

    def __init__(self, project: Path, place: str) -> None:
        folder = project / "data/.locks"
        folder.mkdir(parents=True, exist_ok=True)
        self.place = place
        name = place.replace("/", "--")
        self._lock = FileLock(folder / f"{name}.lock", thread_local=False)
        self._holder = folder / f"{name}.json"

    def acquire(self, *, wait: bool) -> None:
        """Take the lock.

        Raises
        ------
        InputError
            If another run holds it and this one shall not wait: which, and since when.
        """
        if not self.try_acquire():
            if not wait:
                raise InputError(
                    f"data/<layer>/{self.place}: another run is writing there{self._told()}. "
                    "Wait until it has ended, or let this run wait for it: --params wait=true"
                )
            logger.info("waiting: another run is writing in %s%s", self.place, self._told())
            self._lock.acquire()
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        holder = {"process": os.getpid(), "since": since, "command": command}
        with replacing(self._holder) as beside:
            beside.write_text(json.dumps(holder), encoding="utf-8")

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens if this process does not hold it."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def _told(self) -> str:
        """Who holds the lock, as far as they have said."""
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return ""
        return f" (process {holder['process']}, since {holder['since']}: {holder['command']})"
