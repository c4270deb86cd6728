"""The server under load, on loopback: requests a second and waiting times, and a restart.

    python benchmarks/serving.py [--seconds 10] [--connections 8] [--pairs 32] [--write]

Starts ``python -m fivestar.serving`` with the registered champion of the demo, asks it for the
ratings of random pairs over connections that are kept, then once more while all workers are
replaced. A request whose connection is closed before an answer is sent again over another one,
as HTTP clients do; lost are those that get none after that. ``--write`` puts the figures into
docs/serving.md. The load is made in the same cores; the seconds of processor that an answer takes,
in the server and in the load, hardly depend on what else runs there. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import machine

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/serving.md"
MARKER = "<!-- made by benchmarks/serving.py -->"
VOCABULARY = ROOT / "data/05_model_input/demo/vocabulary.json"
BODIES = 500
"""Different requests, sent again and again."""
TRIES = 3
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Outcome:
    """Of one load."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    """Seconds from the first sending of each request to its answer."""
    sent_again: int = 0
    lost: int = 0
    of_server: float = 0.0
    of_load: float = 0.0
    """Seconds of processor."""

    def told(self) -> list[str]:
        """Cells of a row."""
        waits = sorted(self.waits)
        p50, p99 = (1000 * waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
        rate = f"{len(waits) / self.seconds:,.0f}"
        longest = f"{1000 * waits[-1]:.0f}"
        return [
            f"{len(waits):,}",
            rate,
            *(f"{p50:.0f}", f"{p99:.0f}", longest),
            *(f"{1000 * each / len(waits):.1f}" for each in (self.of_server, self.of_load)),
            *(str(self.sent_again), str(self.lost)),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--write", action="store_true", help="the figures into docs/serving.md")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "fivestar.serving", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, server)
        requests = made(asked.pairs)
        asyncio.run(load(server, port, requests, asked.connections, 2))  # warms up
        quiet = asyncio.run(load(server, port, requests, asked.connections, asked.seconds))
        restarted = asyncio.run(
            load(server, port, requests, asked.connections, 2 * asked.seconds, restart=True)
        )
    finally:
        server.terminate()
        server.wait(180)  # a replacement that has begun is ended first
    report(asked, {"steady": quiet, "workers replaced meanwhile": restarted})


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    for _ in range(1800):
        if server.poll() is not None:
            sys.exit("the server has ended: run `make run` first, then python -m fivestar.serving")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server is not ready after three minutes")


def made(n_pairs: int) -> list[bytes]:
    """Requests of random pairs; one id of a hundred is unknown."""
    ids = json.loads(VOCABULARY.read_text(encoding="utf-8"))
    drawn = random.Random(0)

    def draw(kind: str) -> str:
        return "unknown" if drawn.random() < 0.01 else str(drawn.choice(ids[kind]))

    requests = []
    for _ in range(BODIES):
        pairs = [{"user": draw("users"), "item": draw("items")} for _ in range(n_pairs)]
        body = json.dumps({"dataframe_records": pairs}).encode()
        head = (
            "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def load(
    server: subprocess.Popen[bytes],
    port: int,
    requests: list[bytes],
    n_connections: int,
    seconds: float,
    restart: bool = False,
) -> Outcome:
    """Each connection sends its next request when it has the answer to the one before."""
    outcome, start = Outcome(), time.perf_counter()
    before = processor_seconds(server.pid), time.process_time()
    end = start + seconds
    askers = [asker(port, requests[n::n_connections], end, outcome) for n in range(n_connections)]
    if restart:
        asyncio.get_running_loop().call_later(1, server.send_signal, signal.SIGHUP)
    await asyncio.gather(*askers)
    outcome.seconds = time.perf_counter() - start
    outcome.of_server = processor_seconds(server.pid) - before[0]
    outcome.of_load = time.process_time() - before[1]
    return outcome


def processor_seconds(server: int) -> float:
    """That a process and its children, alive or ended, have taken."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == server:
                ticks += sum(map(int, fields[11:13]))
            elif stat.parent.name == str(server):
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def asker(port: int, requests: list[bytes], end: float, outcome: Outcome) -> None:
    connection, number = None, 0
    while (start := time.perf_counter()) < end:
        request = requests[number % len(requests)]
        number += 1
        for _ in range(TRIES):
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", port)
                await answered(*connection, request)
                outcome.waits.append(time.perf_counter() - start)
                break
            except (OSError, asyncio.IncompleteReadError):
                outcome.sent_again += 1
                connection = None
        else:
            outcome.lost += 1
    if connection is not None:
        connection[1].close()


async def answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    assert length is not None
    body = await reader.readexactly(int(length[1]))
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"{head.decode()}{body.decode()}")


def report(asked: argparse.Namespace, outcomes: dict[str, Outcome]) -> None:
    """Print the figures, and put them into the page if that is wanted."""
    columns = [
        *("load", "answers", "a second", "p50 ms", "p99 ms", "longest ms"),
        *("processor ms of the server", "of the load", "sent again", "lost"),
    ]
    rows = [columns, ["---"] * len(columns)]
    rows += [[name, *outcome.told()] for name, outcome in outcomes.items()]
    text = "\n".join(
        [
            f"{asked.pairs} pairs a request, {asked.connections} connections, 2 workers; "
            f"{machine.told(machine.describe())}.",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )
    print(text)
    if asked.write:
        head, _, tail = PAGE.read_text(encoding="utf-8").partition(MARKER)
        _, _, tail = tail.partition(MARKER)
        PAGE.write_text(f"{head}{MARKER}\n{text}\n{MARKER}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
