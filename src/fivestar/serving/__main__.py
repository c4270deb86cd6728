"""Serve the champion: ``python -m fivestar.serving``, as ``make serve`` does."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from fivestar.errors import InputError
from fivestar.hooks.registry import NAME, find_version
from fivestar.hooks.store import open_store
from fivestar.serving.app import LIMIT, MODEL
from fivestar.serving.rule import ALIAS, alias_of

READY = 60
"""Seconds that a worker may take to load the model."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fivestar.serving", description=__doc__)
    parser.add_argument("--place", default="", help="such as ml-100k/fold-1; the demo by default")
    parser.add_argument("--host", default="127.0.0.1", help="who may ask; this machine by default")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--max-body", type=int, default=1_000_000, help="bytes of a request")
    options = parser.parse_args()
    alias = alias_of(options.place, "")
    try:
        address = _prepare(Path.cwd(), alias)
    except InputError as error:
        sys.exit(str(error))
    os.environ[MODEL], os.environ[LIMIT] = address, str(options.max_body)
    _serve(options.host, options.port, options.workers)


def _prepare(project: Path, alias: str) -> str:
    """The address of the model that has the alias, in the project's store.

    Raises
    ------
    InputError
        If there is none.
    """
    store = project / "mlruns/mlflow.db"
    version = find_version(open_store(project)[0], alias) if store.exists() else None
    if version is None:
        place = alias.removeprefix(ALIAS).removeprefix("-")
        raise InputError(
            f"{store}: no version of the model {NAME} has the alias {alias}. "
            + (f"Run that data set first: kedro run --env {place}" if place else "Run `make run`.")
        )
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{store}"
    print(f"{NAME} version {version.version} ({alias}): {version.tags['reason']}")
    return f"models:/{NAME}@{alias}"


def _serve(host: str, port: int, workers: int) -> None:
    """Until SIGINT or SIGTERM; SIGHUP replaces each worker once the next one is ready."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        "fivestar.serving.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        server_header=False,
        timeout_worker_healthcheck=READY,
    )
    print(
        f"http://{host}:{port}/invocations; a new champion is served after kill -HUP {os.getpid()}"
    )
    Multiprocess(config, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    main()
