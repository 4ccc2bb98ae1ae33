"""Stands between boto3 and the emulated account: answers what moto does not know, hands on everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.cloud.listening import listening


@dataclass
class Asked:
    """One request: its action is AWS's name for it, or method and path where it has none.

    `key`, `region` and `service` are as signed, `line` is method, path and query.
    """

    action: str
    given: dict[str, Any]
    key: str
    region: str
    service: str
    line: str
    handed_on: Callable[[], tuple[int, str, bytes]]
    """What moto answers to it: status, type, body."""


Answer = Callable[[Asked], str]


@dataclass
class Standin:
    """`answers` are by a pattern of the action; `asked` are those actions that were answered here, `seen` are all."""

    behind: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    seen: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> tuple[int, str, bytes]:
        self.seen.append(asked)
        for pattern, answer in self.answers.items():
            if re.fullmatch(pattern, asked.action):
                self.asked.append(asked)
                text = answer(asked)
                return 200, "application/json" if text.startswith("{") else "text/xml", text.encode()
        return asked.handed_on()

    def how_often(self, action: str) -> int:
        return sum(each.action == action for each in self.asked)


@contextmanager
def standing_in(behind: str, port: int) -> Iterator[Standin]:
    standin = Standin(behind.removeprefix("http://"))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, kind, content = standin.answer(_asked(standin.behind, self, body))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Tests are silent."""

    with listening(Handler, port):
        yield standin


def _asked(behind: str, request: BaseHTTPRequestHandler, body: bytes) -> Asked:
    """AWS's three protocols say what they want in a header, in a field of a form, or by the path."""
    signed = re.search(r"Credential=([^/]*)/\d+/([^/]+)/([^/]+)/", request.headers.get("Authorization", ""))
    action, given = _action(request, body.decode(errors="replace"))

    def handed_on() -> tuple[int, str, bytes]:
        connection = HTTPConnection(behind, timeout=60)
        try:
            connection.request(request.command, request.path, body, dict(request.headers))
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        finally:
            connection.close()

    key, region, service = signed.groups() if signed else ("", "", "")
    return Asked(action, given, key, region, service, f"{request.command} {request.path}", handed_on)


def _action(request: BaseHTTPRequestHandler, body: str) -> tuple[str, dict[str, Any]]:
    named = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if not named and "form" in request.headers.get("Content-Type", ""):
        form = {key: values[0] for key, values in parse_qs(body).items()}
        return form.get("Action", ""), form
    path, _, query = request.path.partition("?")
    given = json.loads(body) if body.startswith("{") else {**parse_qs(query)}
    return named or f"{request.command} {unquote(path)}", given
