"""The API: the part of Toxiproxy's that is offered, with its shapes, status codes, error texts and order of checks.

Differences: a toxic may have `expires_at`, the epoch second at which it removes itself; a name may contain "/"
(percent-encoded); a stream is echoed in lower case.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from chaos.proxy.body import ApiError
from chaos.proxy.http import Request, Response
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxic_request import read_toxic, toxic_shape, toxic_shapes

API_VERSION = "2.12.0"
"""The release of Toxiproxy that this follows: clients choose their verbs by it."""

_JSON = "application/json"
Handler = Callable[["Api", list[str], Request], Response]


class Api:
    """Answers requests about these proxies."""

    def __init__(self, proxies: dict[str, Proxy]) -> None:
        self._proxies = proxies

    def answer(self, request: Request) -> Response:
        names = [unquote(part) for part in request.path.removeprefix("/").split("/")]
        verbs = _route(names)
        if verbs is None:
            return Response(404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")
        handler = verbs.get(request.method)
        if handler is None:
            return Response(405)
        # A page in a browser must not be able to break things here.
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return _identified(
                Response(403, {"Content-Type": "text/plain; charset=utf-8"}, b"User agent not allowed\n")
            )
        try:
            return _identified(handler(self, names, request))
        except ApiError as error:
            return _identified(_error(error))

    def version(self, names: list[str], request: Request) -> Response:
        body = b'{"version": "%s"}\n' % API_VERSION.encode()
        return Response(200, {"Content-Type": "application/json;charset=utf-8"}, body)

    def list_proxies(self, names: list[str], request: Request) -> Response:
        return _json(200, {name: _proxy_shape(proxy) for name, proxy in self._proxies.items()})

    def show_proxy(self, names: list[str], request: Request) -> Response:
        return _json(200, _proxy_shape(self._proxy(names[1])))

    def list_toxics(self, names: list[str], request: Request) -> Response:
        return _json(200, toxic_shapes(self._proxy(names[1]).toxics.values()))

    def add_toxic(self, names: list[str], request: Request) -> Response:
        proxy = self._proxy(names[1])
        toxic = read_toxic(request.body, proxy.toxics)
        proxy.add(toxic)
        return _json(200, toxic_shape(toxic))

    def show_toxic(self, names: list[str], request: Request) -> Response:
        toxic = self._proxy(names[1]).toxics.get(names[3])
        if toxic is None:
            raise ApiError(404, "toxic not found")
        return _json(200, toxic_shape(toxic))

    def remove_toxic(self, names: list[str], request: Request) -> Response:
        if not self._proxy(names[1]).remove(names[3]):
            raise ApiError(404, "toxic not found")
        return Response(204)

    def _proxy(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise ApiError(404, "proxy not found")
        return self._proxies[name]


def _route(names: list[str]) -> dict[str, Handler] | None:
    """The verbs of a path, or None for an unknown one."""
    match names:
        case ["version"]:
            return {"GET": Api.version}
        case ["proxies"]:
            return {"GET": Api.list_proxies}
        case ["proxies", name] if name:
            return {"GET": Api.show_proxy}
        case ["proxies", name, "toxics"] if name:
            return {"GET": Api.list_toxics, "POST": Api.add_toxic}
        case ["proxies", name, "toxics", toxic] if name and toxic:
            return {"GET": Api.show_toxic, "DELETE": Api.remove_toxic}
    return None


def _proxy_shape(proxy: Proxy) -> dict[str, object]:
    return {
        "name": proxy.name,
        "listen": proxy.listen_address,
        "upstream": proxy.upstream_address,
        "enabled": proxy.is_listening,
        "toxics": toxic_shapes(proxy.toxics.values()),
    }


def _json(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, msgspec.json.encode(value))


def _error(error: ApiError) -> Response:
    body = msgspec.json.encode({"error": error.text, "status": error.status}) + b"\n"
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return Response(error.status, headers, body)


def _identified(response: Response) -> Response:
    response.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(8)
    return response
