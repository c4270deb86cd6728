"""What stands between the network and MLflow's server: a body limit, and plain errors."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HINT = (
    'POST /invocations with {"dataframe_records": [{"user": "196", "item": "242"}]} for ratings '
    'of pairs, or {"dataframe_records": [{"user": "196"}], "params": {"n": 10}} for the best items'
)
TYPES = ("application/json", "text/csv")
LONGEST = 500
"""Characters of a message."""
OWN = re.compile(r"^Failed to predict data '.*?'\. \nError: ", re.DOTALL)
ENDS = ("\nInput: ", " IMPORTANT: ", ". If you see this error")


class Guard:
    """Answers what MLflow's server should not see, and rewrites its errors.

    MLflow's own hold a traceback with the paths of this machine, and repeat the whole body.

    Parameters
    ----------
    app
        MLflow's server.
    max_bytes
        Of a body; a longer one is refused before it is read as a whole.
    """

    def __init__(self, app: App, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        if scope["method"] == "POST":
            media = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip()
            if media not in TYPES:
                return await _refuse(send, 415, f"Content-Type is {media[:50]!r}; send {TYPES[0]}")
            body = await _read(receive, headers, self.max_bytes)
            if body is None:
                return await _refuse(
                    send,
                    413,
                    f"the body has more than {self.max_bytes:,} bytes; send fewer records",
                )
            receive = _again(body, receive)
        answer = _Answer(send)
        await self.app(scope, receive, answer)
        await answer.end()


class _Answer:
    """Passes a good answer on as it comes, and keeps a bad one until it is whole."""

    def __init__(self, send: Send) -> None:
        self.send, self.status, self.body = send, 200, b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        if self.status < 400:
            await self.send(message)
        else:
            self.body += message.get("body", b"")

    async def end(self) -> None:
        if self.status >= 400:
            await _refuse(self.send, self.status, plain(self.body.decode("utf-8", "replace")))


def plain(error: str) -> str:
    """What is wrong, out of an error of MLflow's server: no traceback, no repeated body."""
    with contextlib.suppress(ValueError):  # else it is plain text
        values = json.loads(error)
        error = str(values.get("message", values.get("detail")))
    error = OWN.sub("", error)
    for end in ENDS:
        error = error.partition(end)[0]
    if error.startswith("Failed to enforce schema"):
        error = error.rpartition(". Error: ")[2]
    return error[:LONGEST]


async def _read(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes | None:
    """The body, or None of one that is too long."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit:
        return None
    parts, n_bytes, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        n_bytes += len(parts[-1])
        more = message.get("more_body", False)
        if n_bytes > limit:
            return None
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, once more; then whatever comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


async def _refuse(send: Send, status: int, what: str) -> None:
    body = json.dumps({"error": what, "hint": HINT}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status in (413, 415):
        headers.append((b"connection", b"close"))  # the body may not have been read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
