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
    """Send a request and wait until it is carried out. Raises ActionFailed.

    Sent again when the launcher dies meanwhile: holds and releases may be repeated.
    """
    sent = False
    for attempt in range(1, CONNECT_ATTEMPTS + 1):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect(path)
                sent = True
                connection.sendall(msgspec.json.encode(request) + b"\n")
                _check(_line(connection), request)
                return
            except (ConnectionError, FileNotFoundError) as error:
                if attempt == CONNECT_ATTEMPTS:
                    raise _failed(request, str(error.strerror or error), sent) from error
            except OSError as error:
                raise _failed(request, str(error), sent) from error
        time.sleep(BETWEEN_ATTEMPTS_SECONDS)


def _check(line: bytes, request: dict[str, object]) -> None:
    try:
        answer = msgspec.json.decode(line, type=Answer)
    except msgspec.DecodeError as error:
        raise _failed(request, f"its answer is not understood: {error}", sent=True) from error
    if not answer.ok:
        raise ActionFailed(f"the launcher could not {request['op']}: {answer.error}")


def _failed(request: dict[str, object], why: str, sent: bool) -> ActionFailed:
    message = f"the launcher did not {request['op']}: {why}"
    return ActionFailed(message, _HINT, took_effect="unknown" if sent else "no")


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("it closed the connection")
        line += part
    return line
