"""/healthz, /readyz and /metrics: answered before anything else, so that no limit, deadline or dependency touches them.

They tell about this process alone. A check that asked a dependency would have every caller of a sick service restarted.
"""

from __future__ import annotations

from starlette.responses import Response

from target_platform.kit.metrics import CONTENT_TYPE, Metrics

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Health:
    """`ready` is set once the instance can serve, and taken back when it begins to stop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.ready = False

    def answer(self, path: str) -> Response:
        if path == "/metrics":
            return Response(self._metrics.text(), media_type=CONTENT_TYPE)
        if path == "/readyz" and not self.ready:
            return Response("starting or stopping\n", status_code=503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")
