"""Every command of README and the documents, run as printed in a fresh copy of the project.

    python docs/run_commands.py [--only TEXT] [--minutes 30] [--list]

The copy has the tracked files and, as links, the environment and the raw data. Commands are run in
the order of the documents, each text once; those of NOT_RUN are left out, with the reason. Servers
are stopped once they have stayed up. The table is printed, and written to build/commands.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from docs.commands import Command, commands, documents  # noqa: E402

NOT_RUN = {
    r"=N\b": "holds a placeholder",
    r"make data": "asks other sites; tests/test_download.py has a server of its own",
    r"my-spark": "needs a cluster",
    r"my-books|user_mean": "needs what the reader makes; tests make the same",
    r"(mine|my)\.csv|run --pipelines (scoring|monitoring)$": "needs a file of the reader's",
    r"ml-20m|20000000|make bench-(speed|scaling)$|benchmarks/(speed|scaling)\b(?!.*quick)": (
        "takes 20 million ratings"
    ),
    r"ml-1m|book-crossing|amazon-books": "needs data that no program may fetch",
    r"benchmarks/(models|defaults|significance|expected_times|data_path|top_n|autoencoder|"
    r"gradient_descent|fold_in|spark(_large)?|start_up|runners)\.py|make bench": (
        "a benchmark of its own"
    ),
    r"make peers|make commands|make clean": "changes the environment, or this run itself",
    r"^docker|^git|^pip|pre-commit|^\. |^venv|^python3 -m venv|^tar": "of another machine",
    r"^(fivestar|python -m fivestar)$|^\S*venv/bin/fivestar": "is run by .ci/try-package",
    r"screenshots": "takes a desktop's browser, after the pages",
}
"""Patterns of commands that are not run, and why."""
SERVERS = re.compile(r"make (ui|viz)|kedro viz run|http\.server|mlflow ui|make (serve|try)")
UP = 30
"""Seconds after which a server counts as up."""


class Outcome(NamedTuple):
    """What became of a command."""

    command: Command
    result: str
    seconds: float = 0


def fresh_copy(folder: Path) -> Path:
    """The tracked files in a folder, and links to what is not made by commands."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for part in (ROOT / ".venv").resolve().iterdir():
        if part.is_dir() or part.suffix == ".cfg":
            (folder / ".venv" / part.name).symlink_to(part)
    for kind in ("", "-dev", "-spark"):  # so nothing is installed
        (folder / f".venv/installed{kind}").touch()
    for raw in (ROOT / "data/01_raw").iterdir():
        if raw.is_dir():
            (folder / "data/01_raw" / raw.name).symlink_to(raw.resolve())
    return folder


def run(command: Command, project: Path, minutes: float) -> Outcome:
    """Run a command in the copy, and say how it ended."""
    bin_folder = project / ".venv/bin"
    environment = os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(project / "src"),
        "MAKEFLAGS": "OPEN=true",  # no page is opened
    }
    began = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-c", command.text.replace("kedro viz run", "kedro viz run --no-browser")],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    server = SERVERS.search(command.text) is not None
    try:
        output, _ = process.communicate(timeout=UP if server else minutes * 60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()
        return Outcome(command, "up" if server else "too slow", time.monotonic() - began)
    seconds = time.monotonic() - began
    if process.returncode:
        last = (output.strip().splitlines() or [""])[-1]
        return Outcome(command, f"exit {process.returncode}: {last[:120]}", seconds)
    return Outcome(command, "ok", seconds)


def why_not(text: str) -> str | None:
    """The reason for not running a command, if there is one."""
    env = re.search(r"(?:--env |ENV=)([\w-]+)", text)
    if env and env[1] != "spark" and not (ROOT / "data/01_raw" / env[1]).is_dir():
        return f"no data/01_raw/{env[1]} here"
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, text)), None)


def selected(only: str) -> list[Command]:
    """Commands with a text in them, each once, in the order of the documents."""
    by_words: dict[str, Command] = {}
    for document in documents():
        for command in commands(document):
            if only in command.text:
                by_words.setdefault(" ".join(command.words), command)
    return list(by_words.values())


def table(outcomes: list[Outcome]) -> str:
    """All outcomes in Markdown."""
    rows = [
        f"| `{' '.join(each.command.words)}` | {each.command.document}:{each.command.line} "
        f"| {each.result} | {each.seconds:.0f} |"
        for each in outcomes
    ]
    return "\n".join(["| command | printed in | outcome | s |", "|---|---|---|---|", *rows, ""])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="commands that hold this text")
    parser.add_argument("--minutes", type=float, default=30, help="allowed for each")
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_copy(Path(folder))
        for command in selected(options.only):
            why = why_not(" ".join(command.words))
            if why or options.list:
                outcomes.append(Outcome(command, f"not run: {why}" if why else "would be run"))
            else:
                outcomes.append(run(command, project, options.minutes))
            print(table(outcomes[-1:]).splitlines()[-1], flush=True)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/commands.md").write_text(table(outcomes), encoding="utf-8")
    failed = [each for each in outcomes if each.result.startswith(("exit", "too slow"))]
    print(f"{len(outcomes)} commands, {len(failed)} failed; table: build/commands.md")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
