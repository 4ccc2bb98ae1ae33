"""How a keeper is, over HTTP: /livez and /readyz for a kubelet, /metrics for a Prometheus."""

from __future__ import annotations

from http.server import ThreadingHTTPServer

from chaos.engine.keeper import Keeper
from chaos.text_server import Answer, text_server

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
    return text_server(host, port, lambda path: _answer(path, keeper))


def _answer(path: str, keeper: Keeper) -> Answer:
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
