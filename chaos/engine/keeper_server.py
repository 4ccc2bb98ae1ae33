"""How a keeper is, over HTTP: /livez and /readyz for a kubelet, /metrics for a Prometheus."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.engine.keeper import Keeper
from chaos.model.errors import Refused

_METRICS = {
    "looks": ("counter", "steadfast_keeper_looks_total", "Rounds through the system."),
    "looks_failed": ("counter", "steadfast_keeper_looks_failed_total", "Rounds in which the system gave no answer."),
    "reverted": ("counter", "steadfast_keeper_reverted_total", "Expired faults that were taken off."),
    "reverts_failed": ("counter", "steadfast_keeper_reverts_failed_total", "Attempts at that which failed."),
    "held": ("gauge", "steadfast_keeper_held", "Faults on the system, expired or not."),
    "overdue": ("gauge", "steadfast_keeper_overdue", "Faults that had expired when last looked at."),
}


def keeper_server(host: str, port: int, keeper: Keeper) -> ThreadingHTTPServer:
    """A server, listening; `serve_forever` serves. Port 0 takes a free one. Raises Refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = _answer(self.path.partition("?")[0], keeper)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
            except OSError:
                pass  # whoever asked has stopped waiting

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Refused(f"{host}:{port} cannot be listened on: {error.strerror}", "choose another --port") from error


def _answer(path: str, keeper: Keeper) -> tuple[int, str, str]:
    if path == "/livez":
        return (200, "text/plain", "ok\n") if keeper.turns else (503, "text/plain", "it does not go round\n")
    if path == "/readyz":
        return (200, "text/plain", "ok\n") if keeper.sees else (503, "text/plain", "it cannot look\n")
    if path == "/metrics":
        return 200, "text/plain; version=0.0.4", _metrics(keeper)
    return 404, "text/plain", "there are /livez, /readyz and /metrics\n"


def _metrics(keeper: Keeper) -> str:
    lines = [
        f"# HELP {name} {words}\n# TYPE {name} {kind}\n{name} {getattr(keeper.counts, attribute)}\n"
        for attribute, (kind, name, words) in _METRICS.items()
    ]
    return "".join(lines)
