"""What stands between boto3 and the emulated account, and is AWS on a bad day: it refuses actions, or shows old states.

A forwarder that knows which action a request asks for. What concerns bytes and connections our fault proxy does.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from tests.cloud.listening import listening

_READS = re.compile(r"Describe|List|Get|GET")
_JSON = ("fis", "lambda", "ssm", "tagging")


@dataclass
class Between:
    """`refuse` maps an action (e.g. StopInstances, or * for all) to AWS's code for why not."""

    upstream: str
    refuse: dict[str, str] = field(default_factory=dict)
    refuse_once: dict[str, str] = field(default_factory=dict)
    """The same for the next request only."""
    behind_seconds: float = 0.0
    """For how long after each change what was there before it is shown to who has asked for that before."""
    asked: list[str] = field(default_factory=list)
    address: str = ""
    _shown: dict[bytes, _Answer] = field(default_factory=dict)
    _old_until: dict[str, float] = field(default_factory=dict)
    """By service: what one changes, the others show at once."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def behind(self, seconds: float) -> Iterator[None]:
        """Until the end of the block what is shown is so much behind each change."""
        self.behind_seconds = seconds
        try:
            yield
        finally:
            self.behind_seconds = 0.0

    def forget(self) -> None:
        """What was shown before is of another account."""
        with self._lock:
            self._shown.clear()
            self._old_until.clear()

    def answer(self, request: _Request) -> _Answer:
        self.asked.append(request.action)
        code = self.refuse_once.pop(request.action, "") or self.refuse.get(request.action) or self.refuse.get("*")
        if code:
            return _refusal(request.service, code)
        if not _READS.match(request.action):
            with self._lock:
                self._old_until[request.service] = time.monotonic() + self.behind_seconds
            return request.forwarded(self.upstream)
        key = request.target + request.action.encode() + b" " + request.body
        with self._lock:
            if time.monotonic() < self._old_until.get(request.service, 0.0) and key in self._shown:
                return self._shown[key]
        answer = request.forwarded(self.upstream)
        with self._lock:
            if time.monotonic() >= self._old_until.get(request.service, 0.0):
                self._shown[key] = answer
        return answer


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    """Listening at `address` until the end of the block; `upstream` is "host:port"."""
    state = Between(upstream)

    class Handler(_Handler):
        between = state

    with listening(Handler) as port:
        state.address = f"127.0.0.1:{port}"
        yield state


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """As the signature names it."""
        found = re.search(r"Credential=[^/]*/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization", ""))
        return found[1] if found else ""

    @property
    def target(self) -> bytes:
        region = re.search(r"Credential=[^/]*/\d+/([^/]+)/", self.headers.get("Authorization", ""))
        return f"{region and region[1]} {self.service} {self.method} {self.path} ".encode()

    @property
    def action(self) -> str:
        """Where the protocol has a name for it; else what HTTP has."""
        named = parse_qs(self.body.decode(errors="replace")).get("Action")
        if named:
            return named[0]
        return self.headers.get("X-Amz-Target", "").rpartition(".")[2] or self.method

    def forwarded(self, upstream: str) -> _Answer:
        connection = HTTPConnection(upstream, timeout=60)
        try:
            connection.request(self.method, self.path, self.body, dict(self.headers))
            response: HTTPResponse = connection.getresponse()
            body = response.read()
            kept = {key: value for key, value in response.getheaders() if key.lower() not in _OF_THE_CONNECTION}
            return _Answer(response.status, kept, body)
        finally:
            connection.close()


_OF_THE_CONNECTION = ("connection", "content-length", "transfer-encoding", "date", "server")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    between: Between

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        answer = self.between.answer(_Request(self.command, self.path, dict(self.headers), body))
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815  http.server names them

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _refusal(service: str, code: str) -> _Answer:
    """As the service's protocol writes it."""
    if service in _JSON:
        body = f'{{"__type": "{code}", "message": "not today"}}'
        return _Answer(400, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body.encode())
    error = f"<Error><Code>{code}</Code><Message>not today</Message></Error>"
    whole = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    other = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return _Answer(400, {"Content-Type": "text/xml"}, (whole if service == "ec2" else other).encode())
