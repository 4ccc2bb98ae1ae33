"""Fault proxies, ours and a real Toxiproxy, driven by toxiproxy-python: the only place that imports it.

The client keeps a server's address in its class, so each server has a subclass of its own; the rest of the client (its
Proxy, its Toxic) speaks to one server alone and is not used. It waits for ever and obeys HTTP_PROXY unless told not to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from chaos.model.errors import ActionFailed

TIMEOUT_SECONDS = 2.0
ATTEMPTS = 5
BETWEEN_ATTEMPTS_SECONDS = 0.2
"""A proxy that has died is started again by the launcher in about this time."""

_ALONE = {"http": None, "all": None}
"""To this server straight, whatever HTTP_PROXY says."""


class Toxic(Struct, frozen=True, kw_only=True):
    """As the proxy takes it; `expires_at` (epoch seconds) is when the proxy ends it."""

    name: str
    type: str
    stream: str
    attributes: dict[str, int | float | str]
    expires_at: float


class Carrier(Struct, frozen=True):
    """The server whose API is at this base URL. A `real` Toxiproxy ends no toxic by itself.

    Nor can it address a name with a slash, so there a link has another one.
    """

    api: str
    real: bool = False

    def name_of(self, link: str) -> str:
        return link.replace("/", ":") if self.real else link

    def put(self, link: str, toxic: Toxic) -> None:
        """Set a toxic, in place of one of the same name. Raises ActionFailed."""
        body = msgspec.structs.asdict(toxic)
        status, answer = self._ask("post", self._toxics(link), body)
        if status == 409:
            self.delete(link, toxic.name)
            status, answer = self._ask("post", self._toxics(link), body)
        if status != 200:
            message = f"the proxy of {link} did not take the {toxic.type} toxic: {_text(answer)}"
            raise ActionFailed(message, "`chaos platform up` has it carry its links again", took_effect="no")

    def delete(self, link: str, name: str) -> None:
        """Remove a toxic; it is fine if there is none. Raises ActionFailed."""
        # A proxy that comes back comes back without toxics: they live in the memory of its process.
        status, answer = self._ask("delete", f"{self._toxics(link)}/{quote(name, safe='')}")
        if status not in (204, 404):
            raise ActionFailed(f"the proxy of {link} did not remove {name}: {_text(answer)}")

    def populate(self, proxies: Sequence[dict[str, object]]) -> None:
        """Have it carry these; those that it carries so already are left as they are. Raises ActionFailed."""
        status, answer = self._ask("post", "/populate", list(proxies))
        if status != 201:
            raise ActionFailed(f"the proxy at {self.api} cannot carry the links: {_text(answer)}")

    def remove(self, link: str) -> None:
        """Have it carry a link no longer; it is fine if it does not. Raises ActionFailed."""
        status, answer = self._ask("delete", f"/proxies/{quote(self.name_of(link), safe='')}")
        if status not in (204, 404):
            raise ActionFailed(f"the proxy of {link} did not let go of it: {_text(answer)}")

    def version(self) -> str:
        """Raises ActionFailed when nothing answers."""
        _, answer = self._ask("get", "/version")
        return answer.decode(errors="replace")

    def _toxics(self, link: str) -> str:
        return f"/proxies/{quote(self.name_of(link), safe='')}/toxics"

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body. Asks again while no proxy is there: all of it may be repeated. Raises ActionFailed."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _request(self.api, method, path, body)
            except ConnectionError as error:
                if attempt == ATTEMPTS:
                    raise self._absent(error) from error
                time.sleep(BETWEEN_ATTEMPTS_SECONDS)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _absent(self, error: ConnectionError) -> ActionFailed:
        hint = "is the Toxiproxy running?" if self.real else "`chaos platform status` shows whether the proxies run"
        took_effect: Literal["no", "unknown"] = "no" if isinstance(error, ConnectionRefusedError) else "unknown"
        return ActionFailed(f"no proxy answers at {self.api}: {error.strerror or error}", hint, took_effect)


def _request(api: str, method: str, path: str, body: object) -> tuple[int, bytes]:
    from requests.exceptions import RequestException
    from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

    call: Callable[..., Any] = getattr(_consumer(api), method)
    more = {} if body is None else {"json": body}
    try:
        response = call(path, timeout=TIMEOUT_SECONDS, proxies=_ALONE, **more)
        return response.status_code, response.content
    except (InvalidToxic, NotFound, ProxyExists) as error:
        status = {InvalidToxic: 400, NotFound: 404, ProxyExists: 409}[type(error)]
        return status, error.args[0]
    except RequestException as error:
        cause = _cause(error)
        if cause is not None:
            raise cause from error
        raise ActionFailed(f"the proxy at {api} did not answer: {error}") from error


@cache
def _consumer(api: str) -> type:
    from toxiproxy.api import APIConsumer  # 110 ms, needed only by who shapes links

    address = urlsplit(api)
    return type("Consumer", (APIConsumer,), {"host": address.hostname or "", "port": address.port or 80})


def _cause(error: BaseException) -> ConnectionError | None:
    """The operating system's error, several wrappings below."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None or isinstance(seen, ConnectionError):
            return seen
        inner = [each for each in (*seen.args, getattr(seen, "reason", None)) if isinstance(each, BaseException)]
        seen = inner[0] if inner else seen.__cause__ or seen.__context__
    return None


def _text(answer: bytes) -> str:
    """What Toxiproxy's error body says, or the body itself."""
    try:
        return str(msgspec.json.decode(answer)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.decode(errors="replace").strip() or "no reason given"
