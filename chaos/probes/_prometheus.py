"""Asking a Prometheus over its HTTP API, for the probes whose kind begins with `promql`.

https://prometheus.io/docs/prometheus/latest/querying/api/. What goes wrong is a sentence: a Prometheus that is down is
part of a sick system.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from chaos.model.sample import NoSample

_MOST_BYTES = 16 * 1024 * 1024


class Series(Struct, frozen=True):
    """Labels and values of one series: one of an instant query, several of a range query."""

    labels: frozenset[tuple[str, str]]
    values: tuple[float, ...]


class Prometheus(Struct, frozen=True, kw_only=True):
    """What all probes of this family have: where to ask, for how long, how often."""

    url: str = "http://127.0.0.1:9090"
    token_from: str = ""
    timeout_ms: float = 2000.0
    every_seconds: float = 2.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"{self.url!r} is not the address of a Prometheus, such as http://127.0.0.1:9090")

    def asked(self, path: str, **parameters: str) -> tuple[Series, ...] | NoSample:
        """The answer to `/api/v1/PATH`; why there is none otherwise."""
        try:
            status, body = self._posted(path, parameters)
        except (OSError, HTTPException, ValueError) as error:
            return NoSample(f"Prometheus at {self.url} does not answer: {error or type(error).__name__}")
        try:
            answer = msgspec.json.decode(body)
            if answer["status"] == "success":
                return _series(answer["data"])
            return NoSample(f"Prometheus at {self.url} refuses the query: {answer['error']}")
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError):
            return NoSample(f"what answers at {self.url} (status {status}) is no Prometheus")

    def _posted(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """By POST, as a query may be longer than an address. Raises what sockets and HTTP raise."""
        seconds = self.timeout_ms / 1000
        ends_at = time.monotonic() + seconds
        parts = urlsplit(self.url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=seconds)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "steadfast"}
        if self.token_from:
            headers["Authorization"] = f"Bearer {os.environ.get(self.token_from, '')}"
        try:
            form = urlencode({**parameters, "timeout": f"{self.timeout_ms:.0f}ms"})
            connection.request("POST", f"{parts.path.rstrip('/')}/api/v1/{path}", form, headers)
            response = connection.getresponse()
            body = b""
            while piece := response.read1(65536):
                body += piece
                # The socket's timeout counts from its last byte.
                if time.monotonic() > ends_at or len(body) > _MOST_BYTES:
                    raise TimeoutError("timed out" if len(body) <= _MOST_BYTES else "its answer is endless")
            return response.status, body
        finally:
            connection.close()


def _series(data: Any) -> tuple[Series, ...]:
    if data["resultType"] == "scalar":
        return (Series(frozenset(), (float(data["result"][1]),)),)
    key, several = ("values", True) if data["resultType"] == "matrix" else ("value", False)
    return tuple(
        Series(
            frozenset(each["metric"].items()),
            tuple(float(value) for _, value in (each[key] if several else [each[key]])),
        )
        for each in data["result"]
    )
