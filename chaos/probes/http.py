"""http: asks instances, or one URL, and counts the answers that are as wished."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.sample import NoSample, Ratio
from chaos.model.system import Instance

_AT_ONCE = 16
_HEADERS = {"Accept": "*/*", "User-Agent": "steadfast"}
"""As every other client: there are servers that answer 406 to one that does not say what it takes."""


class Http(Struct, frozen=True, kw_only=True):
    """Share of GET requests that were answered with `expectedStatus` within `timeout`.

    Give `url`, or leave it out to ask every instance whose `service`, `instance` and `region` are as given (empty is
    any) for `path` (empty: the instance's own health path). An instance that does not run counts as a failure.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    url: str = ""
    service: str = ""
    instance: str = ""
    region: str = ""
    path: str = ""
    expected_status: int = 200
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Ratio | NoSample:
        try:
            urls = [self.url] if self.url else self._urls(environment.inventory().instances)
        except ChaosError as error:
            return NoSample(error.message)
        if not urls:
            return NoSample(
                f"no instance to ask: service {self.service!r}, instance {self.instance!r}, {self.region!r}"
            )
        with ThreadPoolExecutor(min(_AT_ONCE, len(urls))) as pool:
            good = sum(pool.map(self._is_good, urls))
        return Ratio(good=good, total=len(urls))

    def _urls(self, instances: Sequence[Instance]) -> list[str]:
        return [
            f"http://{each.address}{self.path or each.health_path or '/'}"
            for each in instances
            if self.service in ("", each.service)
            and self.instance in ("", each.name)
            and self.region in ("", each.region)
            and each.address
        ]

    def _is_good(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
            connection = connect(parts.hostname or "", parts.port, timeout=self.timeout_ms / 1000)
        except (HTTPException, ValueError):
            return False  # not an address
        began = time.monotonic()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=_HEADERS)
            status = connection.getresponse().status
            # The socket's timeout counts from its last byte, the user's patience from the start.
            return status == self.expected_status and time.monotonic() - began <= self.timeout_ms / 1000
        except (OSError, HTTPException, ValueError):
            return False  # refused, reset, too late, or no HTTP: for a user all the same
        finally:
            connection.close()
