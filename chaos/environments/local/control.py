"""The launcher's control socket: one JSON object a line, one answer a line."""

from __future__ import annotations

import socket
import time

import msgspec

from chaos.model.errors import ActionFailed

ANSWER_SECONDS = 8.0
"""The launcher answers a hold when the processes are gone, and a release when new ones are there."""

CONNECT_ATTEMPTS = 4
BETWEEN_ATTEMPTS_SECONDS = 0.2
"""A launcher that is being replaced is not there for a moment."""

_HINT = "`chaos platform up` starts a launcher that takes over what runs"


class Answer(msgspec.Struct, frozen=True):
    ok: bool
    error: str = ""


def ask(path: str, request: dict[str, object]) -> None:
    """Send a request and wait until it is carried out. Raises ActionFailed."""
    with _connect(path) as connection:
        try:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            line = _line(connection)
            answer = msgspec.json.decode(line, type=Answer)
        except (OSError, msgspec.DecodeError) as error:
            raise ActionFailed(f"the launcher did not answer {request['op']!r}: {error}", _HINT) from error
    if not answer.ok:
        raise ActionFailed(f"the launcher could not {request['op']}: {answer.error}")


def _connect(path: str) -> socket.socket:
    for attempt in range(1, CONNECT_ATTEMPTS + 1):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(path)
        except OSError as error:
            connection.close()
            if attempt == CONNECT_ATTEMPTS:
                message = f"the launcher cannot be reached at {path}: {error.strerror or error}"
                raise ActionFailed(message, _HINT, took_effect="no") from error
            time.sleep(BETWEEN_ATTEMPTS_SECONDS)
        else:
            return connection
    raise AssertionError("unreachable: the last attempt returns or raises")


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("it closed the connection")
        line += part
    return line
