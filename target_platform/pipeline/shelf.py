"""What is published, over HTTP: for an origin that cannot reach the folder in which the store is.

`GET /objects/KEY`, with one range, and `GET /objects?prefix=` with `current/`, or what begins with `titles/`. Masters
and what is made on the way are in the same store, and are nobody's business: there is no such object for who asks here.
"""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from target_platform.media.published import FILES, POINTERS
from target_platform.stores.objects.interface import BadKey, NotThere, Objects, ObjectsFailed, OutOfRange

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def shelf(objects: Objects, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is not running yet; port 0 means any. Raises OSError."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                status, body = _answer(objects, self.path, self.headers.get("Range", ""))
            except (NotThere, BadKey) as error:
                status, body = 404, str(error).encode()
            except OutOfRange as error:
                status, body = 416, str(error).encode()
            except ObjectsFailed as error:
                status, body = 503, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """The origin's log has it."""

    server = ThreadingHTTPServer((host, port), Answers)
    server.daemon_threads = True
    return server


def _answer(objects: Objects, path: str, span: str) -> tuple[int, bytes]:
    asked = urlsplit(path)
    if asked.path == "/objects":
        prefix = parse_qs(asked.query).get("prefix", [""])[0]
        if not prefix.startswith((POINTERS, FILES)):
            raise NotThere(f"only what begins with {POINTERS} or {FILES} is listed")
        return 200, msgspec.json.encode(list(objects.under(prefix)))
    key = unquote(asked.path.removeprefix("/objects/"))
    if not asked.path.startswith("/objects/") or not key.startswith((POINTERS, FILES)):
        raise NotThere(f"nothing is published at {asked.path}")
    found = _RANGE.fullmatch(span)
    if found is None:  # none, or one of those that a server may ignore (RFC 9110, 14.2)
        return 200, objects.get(key)
    return 206, objects.get(key, int(found[1]), int(found[2]) if found[2] else None)
