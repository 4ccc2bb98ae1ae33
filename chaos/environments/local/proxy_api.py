"""The API of the fault proxies, as far as links are shaped by it."""

from __future__ import annotations

import time
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from chaos.model.errors import ActionFailed

TIMEOUT_SECONDS = 2.0
ATTEMPTS = 5
BETWEEN_ATTEMPTS_SECONDS = 0.2
"""A proxy that has died is started again by the launcher in about this time."""


class Toxic(Struct, frozen=True, kw_only=True):
    """As the proxy takes it; `expires_at` (epoch seconds) is when the proxy ends it."""

    name: str
    type: str
    stream: str
    attributes: dict[str, int | float | str]
    expires_at: float


def put(api: str, link: str, toxic: Toxic) -> None:
    """Set a toxic, in place of one of the same name. Raises ActionFailed."""
    body = msgspec.structs.asdict(toxic)
    status, answer = _persistently(api, "POST", _path(link), body)
    if status == 409:
        delete(api, link, toxic.name)
        status, answer = _persistently(api, "POST", _path(link), body)
    if status != 200:
        raise ActionFailed(
            f"the proxy of {link} did not take the {toxic.type} toxic: {_text(answer)}", took_effect="no"
        )


def delete(api: str, link: str, name: str) -> None:
    """Remove a toxic; it is fine if there is none. Raises ActionFailed."""
    # A proxy that comes back comes back without toxics: they live in the memory of its process.
    status, answer = _persistently(api, "DELETE", f"{_path(link)}/{quote(name, safe='')}")
    if status not in (204, 404):
        raise ActionFailed(f"the proxy of {link} did not remove {name}: {_text(answer)}")


def _path(link: str) -> str:
    return f"/proxies/{quote(link, safe='')}/toxics"


def _persistently(api: str, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and body. Asks again while no proxy is there: what is asked here may be repeated. Raises ActionFailed."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _request(api, method, path, body)
        except ConnectionError as error:
            if attempt == ATTEMPTS:
                hint = "`chaos platform status` shows whether the proxies run"
                took_effect: Literal["no", "unknown"] = "no" if isinstance(error, ConnectionRefusedError) else "unknown"
                message = f"no proxy answers at {api}: {error.strerror or error}"
                raise ActionFailed(message, hint, took_effect) from error
            time.sleep(BETWEEN_ATTEMPTS_SECONDS)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _request(api: str, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
    from http.client import HTTPConnection, HTTPException  # 20 ms, needed only by who shapes links

    address = urlsplit(api)
    connection = HTTPConnection(address.hostname or "", address.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=None if body is None else msgspec.json.encode(body))
        response = connection.getresponse()
        return response.status, response.read()
    except ConnectionError:
        raise
    except (OSError, HTTPException) as error:
        raise ActionFailed(f"the proxy at {api} did not answer: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def _text(answer: bytes) -> str:
    """What Toxiproxy's error body says, or the body itself."""
    try:
        return str(msgspec.json.decode(answer)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.decode(errors="replace").strip() or "no reason given"
