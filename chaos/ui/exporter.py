"""Serves runs as metrics, for a Prometheus to scrape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

from chaos.journal.read import Follow
from chaos.journal.runs import all_runs
from chaos.model.errors import BadInput
from chaos.text_server import Answer, text_server
from chaos.ui.exposition import CONTENT_TYPE, Exposed, text

KEPT_SECONDS = 600.0
"""A run is shown for so long after its journal was last written to: a scrape must see its end, no more is needed."""


class Runs:
    """The runs of a home that are under way or have just ended."""

    def __init__(self, home: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._home = home
        self._now = now
        self._followed: dict[Path, tuple[Follow, Exposed]] = {}
        self._reading = threading.Lock()

    def text(self) -> str:
        """All their metrics, as of this moment. A journal that is damaged is left out."""
        with self._reading:
            recent = [each.journal for each in all_runs(self._home) if self._is_recent(each.journal)]
            self._followed = {path: self._followed.get(path, (Follow(path), Exposed())) for path in recent}
            readable = []
            for follow, exposed in self._followed.values():
                try:
                    exposed.take(follow.poll())
                except BadInput:
                    continue  # `chaos report` says what is wrong with it
                readable.append(exposed)
            return text(readable)

    def _is_recent(self, journal: Path) -> bool:
        try:
            return self._now() - journal.stat().st_mtime < KEPT_SECONDS
        except FileNotFoundError:
            return False


def exporter(host: str, port: int, runs: Runs) -> ThreadingHTTPServer:
    """A server of `/metrics`, listening; `serve_forever` serves. Port 0 takes a free one. Raises Refused."""

    def answer(path: str) -> Answer:
        return (
            (200, CONTENT_TYPE, runs.text())
            if path == "/metrics"
            else (404, "text/plain", "the metrics are at /metrics\n")
        )

    return text_server(host, port, answer)
