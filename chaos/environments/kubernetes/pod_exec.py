"""Running a command in a container, by the API server's exec over a web socket."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.names import Place

_STDOUT, _STDERR, _STATUS = 1, 2, 3
_KILLED = "exit code 137"


class NotRunning(answers.ApiFailed):
    """There is no such container, or it has ended."""


class Cut(answers.ApiFailed):
    """The connection ended before the command's end was told: nobody knows whether it was carried out."""


class _Status(Struct):
    """The end of an exec, as a meta/v1 Status."""

    status: str = ""
    message: str = ""


def run_in(place: Place, container: str, command: Sequence[str], line: str, patience_seconds: float) -> str:
    """What the command prints after it was given one line on stdin. Raises ApiFailed, of them NotRunning and Cut."""
    from kubernetes.client import ApiException
    from kubernetes.stream import ws_client

    opened: Any = ws_client  # it has no types
    configuration = place.cluster.client.configuration
    query = [("command", [*command]), ("container", container), ("stdin", "1"), ("stdout", "1"), ("stderr", "1")]
    url = opened.get_websocket_url(f"{configuration.host}{place.pod_path}/exec", query)
    headers = {
        str(each["key"]).lower(): str(each["value"])
        for each in configuration.auth_settings().values()
        if each["in"] == "header"
    }
    try:
        talk = opened.WSClient(configuration, url, headers, capture_all=False)
    except ApiException as error:
        raise _refused(place, container, error.status or 0, str(error.reason)) from error
    except OSError as error:
        raise answers.unreachable(place.cluster.words, str(configuration.host), str(error)) from error
    try:
        return _conversation(talk, line, (place, container), time.monotonic() + patience_seconds)
    finally:
        talk.sock.shutdown()  # close() leaves the socket open when the server was the first to end


def _conversation(talk: Any, line: str, where: tuple[Place, str], deadline: float) -> str:
    from websocket import WebSocketException

    said = {_STDOUT: "", _STDERR: "", _STATUS: ""}
    broke = "it was cut short"
    try:
        talk.write_stdin(line + "\n")
        while talk.is_open() and not said[_STATUS]:
            if time.monotonic() > deadline:
                raise answers.ApiFailed(f"the agent in {where[0].name} does not answer")
            talk.update(timeout=max(0.01, min(1.0, deadline - time.monotonic())))
            for channel in said:
                said[channel] += talk.read_channel(channel)
    except (OSError, WebSocketException) as error:
        # A server that has said all may be gone before our goodbye; what came before is still to be had.
        broke = str(error).rstrip(".")
        talk.sock.shutdown()
        for channel in said:
            said[channel] += talk.read_channel(channel)
    if not said[_STATUS]:
        raise Cut(f"the connection into {where[0].name} broke: {broke}")
    status = msgspec.json.decode(said[_STATUS], type=_Status)
    if status.message.endswith(_KILLED):
        raise Cut(f"a command in {where[0].name} was killed, as all are when their container ends")
    if status.status != "Success":
        why = said[_STDERR].strip().splitlines()[-1:] or [status.message]
        raise _refused(*where, 0, why[0])
    return str(said[_STDOUT])


def _refused(place: Place, container: str, status: int, reason: str) -> answers.ApiFailed:
    low = reason.lower()
    if status == 404 or "container not found" in low or "not running" in low or "not found in pod" in low:
        return NotRunning(f"container {container} of {place.name} does not run", took_effect="no", status=status)
    if status in (401, 403):
        return answers.failed(f"exec into {place.name}", place.cluster.words, status, reason.encode())
    return answers.ApiFailed(f"cannot run a command in {place.name}: {reason.strip() or status}", status=status)
