"""The API: Toxiproxy's, with its shapes, status codes, error texts and order of checks, and what is ours beside it.

docs/reference/proxy-api.md lists every endpoint, and where this differs on purpose. Requests are answered in the thread
of the API; what touches proxies happens in the thread that carries bytes, by `loop.ask`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from msgspec.structs import replace

from chaos.proxy import answers
from chaos.proxy.body import ApiError, decode
from chaos.proxy.http import Request, Response
from chaos.proxy.loop import Loop
from chaos.proxy.metrics import CONTENT_TYPE, Metrics
from chaos.proxy.proxies import Proxies, Resolved, as_wanted, resolve
from chaos.proxy.proxy import Proxy
from chaos.proxy.proxy_request import read_proxies, read_proxy, read_proxy_update
from chaos.proxy.shapes import connection_shapes, proxy_shape
from chaos.proxy.toxic_request import read_toxic, read_update, toxic_shape, toxic_shapes

API_VERSION = "2.12.0"
"""The release of Toxiproxy that this follows: clients choose their verbs by it."""

Handler = Callable[["Api", list[str], Request], Response]


class Api:
    """Answers requests about these proxies; with a `token`, only those that carry it.

    `keep` is given the shapes of all proxies after each change, before the change is answered; it may raise OSError.
    """

    def __init__(
        self,
        proxies: Proxies,
        loop: Loop,
        *,
        metrics: Metrics | None = None,
        token: str = "",
        keep: Callable[[list[dict[str, object]]], None] = lambda shapes: None,
    ) -> None:
        self._proxies = proxies
        self._loop = loop
        self._metrics = metrics
        self._token = token.encode()
        self._keep = keep

    def answer(self, request: Request) -> Response:
        sent = request.headers.get("authorization", "").encode(errors="replace")
        if self._token and not hmac.compare_digest(sent, b"Bearer " + self._token):
            return answers.no_token()
        names = [unquote(part) for part in request.path.removeprefix("/").split("/")]
        verbs = _route(names)
        if verbs is None or (verbs is _METRICS and (self._metrics is None or not self._metrics.any)):
            return answers.not_found()
        handler = verbs.get(request.method) or verbs.get("any")
        if handler is None:
            return Response(405)
        # A page in a browser must not be able to break things here.
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return answers.identified(answers.no_browsers())
        try:
            response = handler(self, names, request)
        except ApiError as error:
            response = answers.of_error(error)
        if request.method != "GET" and not 400 <= response.status < 500:
            response = self._kept(response)
        return answers.identified(response)

    def version(self, names: list[str], request: Request) -> Response:
        body = b'{"version": "%s"}\n' % API_VERSION.encode()
        return Response(200, {"Content-Type": "application/json;charset=utf-8"}, body)

    def metrics(self, names: list[str], request: Request) -> Response:
        assert self._metrics is not None, "there is no such route without"
        metrics = self._metrics
        text = self._loop.ask(lambda: metrics.text(self._proxies.all()))
        return Response(200, {"Content-Type": CONTENT_TYPE}, text.encode())

    def list_proxies(self, names: list[str], request: Request) -> Response:
        return answers.as_json(200, self._loop.ask(lambda: {each.name: proxy_shape(each) for each in self._all()}))

    def create_proxy(self, names: list[str], request: Request) -> Response:
        asked = resolve(read_proxy(request.body))
        return answers.as_json(201, self._loop.ask(lambda: proxy_shape(self._proxies.create(asked))))

    def show_proxy(self, names: list[str], request: Request) -> Response:
        return answers.as_json(200, self._loop.ask(lambda: proxy_shape(self._proxies[names[1]])))

    def update_proxy(self, names: list[str], request: Request) -> Response:
        before = self._loop.ask(lambda: as_wanted(self._proxies[names[1]]))
        asked = read_proxy_update(request.body)
        given = {"listen": asked.listen, "upstream": asked.upstream, "enabled": asked.enabled}
        changes = {name: value for name, value in given.items() if value is not None}
        resolved = resolve(replace(before, toxics=None, **changes))
        return answers.as_json(200, self._loop.ask(lambda: proxy_shape(self._proxies.update(resolved))))

    def delete_proxy(self, names: list[str], request: Request) -> Response:
        self._loop.ask(lambda: self._proxies.delete(names[1]))
        return Response(204)

    def populate(self, names: list[str], request: Request) -> Response:
        """Its errors are JSON, and tell what was done before them."""
        try:
            asked = [resolve(each) for each in read_proxies(decode(request.body))]
        except ApiError as error:
            return answers.as_json(error.status, {"error": error.text, "status": error.status, "proxies": None})
        done, failed = self._loop.ask(lambda: self._populated(asked))
        if failed is None:
            return answers.as_json(201, {"proxies": done or None})
        return answers.as_json(failed.status, {"error": failed.text, "status": failed.status, "proxies": done or None})

    def reset(self, names: list[str], request: Request) -> Response:
        disabled = self._loop.ask(lambda: [as_wanted(each) for each in self._all() if not each.is_listening])
        enabled = [resolve(replace(each, enabled=True, toxics=None)) for each in disabled]
        self._loop.ask(lambda: self._proxies.reset(enabled))
        return Response(204)

    def list_connections(self, names: list[str], request: Request) -> Response:
        return answers.as_json(200, self._loop.ask(lambda: connection_shapes(self._proxies[names[1]])))

    def list_toxics(self, names: list[str], request: Request) -> Response:
        return answers.as_json(200, self._loop.ask(lambda: toxic_shapes(self._proxies[names[1]].toxics.values())))

    def add_toxic(self, names: list[str], request: Request) -> Response:
        proxy = self._proxies[names[1]]
        toxic = read_toxic(request.body, proxy.toxics, proxy.config.protocol)
        self._loop.ask(lambda: proxy.add(toxic))
        return answers.as_json(200, toxic_shape(toxic))

    def show_toxic(self, names: list[str], request: Request) -> Response:
        toxic = self._proxies[names[1]].toxics.get(names[3])
        if toxic is None:
            raise ApiError(404, "toxic not found")
        return answers.as_json(200, toxic_shape(toxic))

    def update_toxic(self, names: list[str], request: Request) -> Response:
        proxy = self._proxies[names[1]]
        before = proxy.toxics.get(names[3])
        if before is None:
            raise ApiError(404, "toxic not found")
        toxic = read_update(request.body, before)
        self._loop.ask(lambda: proxy.update(toxic))
        return answers.as_json(200, toxic_shape(toxic))

    def remove_toxic(self, names: list[str], request: Request) -> Response:
        proxy = self._proxies[names[1]]
        if not self._loop.ask(partial(proxy.remove, names[3])):
            raise ApiError(404, "toxic not found")
        return Response(204)

    def _all(self) -> list[Proxy]:
        return self._proxies.all()

    def _populated(self, asked: list[Resolved]) -> tuple[list[dict[str, object]], ApiError | None]:
        done, failed = self._proxies.populate(asked)
        return [proxy_shape(each) for each in done], failed

    def _kept(self, response: Response) -> Response:
        """The answer, once the change would survive this process."""
        try:
            self._keep(self._loop.ask(lambda: [proxy_shape(each) for each in self._all()]))
        except OSError as error:
            reason = f"the change is in force but could not be written down: {error.strerror or error}"
            return answers.of_error(ApiError(500, reason))
        return response


_METRICS: dict[str, Handler] = {"any": Api.metrics}


def _route(names: list[str]) -> dict[str, Handler] | None:
    """The verbs of a path, or None for an unknown one."""
    match names:
        case ["version"]:
            return {"GET": Api.version}
        case ["metrics"]:
            return _METRICS
        case ["reset"]:
            return {"POST": Api.reset}
        case ["populate"]:
            return {"POST": Api.populate}
        case ["proxies"]:
            return {"GET": Api.list_proxies, "POST": Api.create_proxy}
        case ["proxies", name] if name:
            return _PROXY
        case ["proxies", name, "connections"] if name:
            return {"GET": Api.list_connections}
        case ["proxies", name, "toxics"] if name:
            return {"GET": Api.list_toxics, "POST": Api.add_toxic}
        case ["proxies", name, "toxics", toxic] if name and toxic:
            return _TOXIC
    return None


_PROXY: dict[str, Handler] = {
    "GET": Api.show_proxy,
    "POST": Api.update_proxy,
    "PATCH": Api.update_proxy,
    "DELETE": Api.delete_proxy,
}
_TOXIC: dict[str, Handler] = {
    "GET": Api.show_toxic,
    "POST": Api.update_toxic,
    "PATCH": Api.update_toxic,
    "DELETE": Api.remove_toxic,
}
