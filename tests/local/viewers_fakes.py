"""A platform of a few threads: gateways and edges on real sockets, that can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REGIONS = ("east", "west")
ENTRANCES = ("/session", "/sign-up")
SEGMENT_BYTES = {"240p": 30_000, "480p": 60_000}
MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=645216,RESOLUTION=854x480,CODECS="avc1.42c01e,mp4a.40.2"
480p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=321104,RESOLUTION=426x240,CODECS="avc1.42c015,mp4a.40.2"
240p/playlist.m3u8
"""
SEGMENTS = "".join(f"#EXTINF:4.0,\ns{number}.ts\n" for number in range(15))
MEDIA = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{SEGMENTS}#EXT-X-ENDLIST\n"


PROGRESS: dict[str, dict[str, object]] = {}
"""What all gateways keep: here the regions share it."""


class FakeServer:
    """One server. `mode`: "ok", "503", "hang" (ever), "cut" (half a body), "logged out" (401 once), "no licence"."""

    def __init__(self, port: int = 0) -> None:
        self.mode = "ok"
        self.bytes_sent = 0
        self.requests: list[str] = []
        self.edges: list[str] = []
        self.released = threading.Event()
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def base(self) -> str:
        return f"http://{self.address}"

    def close(self) -> None:
        """Afterwards connections are refused."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/progress/"):
            PROGRESS[self.path] = json.loads(body)
        self._serve()

    def _serve(self) -> None:
        fake = self.fake
        with fake.lock:
            fake.requests.append(self.path)
            mode = fake.mode
            if mode == "logged out" and self.path not in ENTRANCES:
                fake.mode = "ok"
        if mode == "hang":
            fake.released.wait(20)
            self.close_connection = True
            return
        if mode == "no licence":
            mode = "503" if self.path == "/licence" else "ok"
        status = {"503": 503, "logged out": 200 if self.path in ENTRANCES else 401}.get(mode, 200)
        body = self._body() if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mode == "cut":
            body, self.close_connection = body[: len(body) // 2], True
        self.wfile.write(body)
        with fake.lock:
            fake.bytes_sent += len(body)

    def _body(self) -> bytes:
        name = self.path.rpartition("/")[2]
        if name.endswith(".ts"):
            return b"x" * SEGMENT_BYTES[self.path.split("/")[-2]]
        if name.endswith(".m3u8"):
            return (MASTER if name == "master.m3u8" else MEDIA).encode()
        if self.path.startswith("/progress/"):
            return json.dumps({"progress": PROGRESS.get(self.path), "region": "all"}).encode()
        answers: dict[str, object] = {
            "/session": {"token": "t", "user": "ann@east", "renewal": "r"},
            "/sign-up": {"token": "t", "user": f"{len(self.fake.requests)}@{id(self.fake)}", "renewal": "r"},
            "/licence": {"keys": [{"kty": "oct", "kid": "i", "k": "k"}], "issued_at": 5, "expires_at": 605},
            "/home": {"titles": [{"id": "one"}, {"id": "two"}], "personalised": True},
        }
        if self.path.startswith("/play/"):
            return json.dumps({"playlist": f"/media/{name}/master.m3u8", "edges": self.fake.edges}).encode()
        return json.dumps(answers.get(self.path, {})).encode()

    def log_message(self, format: str, *args: object) -> None:
        pass


class FakePlatform:
    """One gateway a region and two edges that both list in the same order."""

    def __init__(self) -> None:
        self.gateways = {region: FakeServer() for region in REGIONS}
        self.edges = [FakeServer(), FakeServer()]
        for gateway in self.gateways.values():
            gateway.edges = [edge.base for edge in self.edges]

    def state_file(
        self, folder: Path, edge_failover: str = "next-edge", licence_failover: str = "other-region"
    ) -> Path:
        policies = folder / "policies.yaml"
        policies.write_text(
            "players:\n"
            f"  player>edge: {{deadline_ms: 1200, attempts: 3, failover: {edge_failover}}}\n"
            "  player>gateway: {deadline_ms: 4000, attempts: 4, failover: other-region}\n"
            f"  player>licence: {{deadline_ms: 4000, attempts: 4, failover: {licence_failover}}}\n"
        )
        instances = [
            {"name": f"gateway-{region}", "service": "gateway", "region": region, "address": gateway.address}
            for region, gateway in self.gateways.items()
        ]
        state = {"version": 1, "regions": REGIONS, "instances": instances, "policies_file": str(policies)}
        path = folder / "state.json"
        path.write_text(json.dumps(state))
        return path

    def close(self) -> None:
        for server in [*self.gateways.values(), *self.edges]:
            if not server.released.is_set():
                server.close()


@contextmanager
def fake_platform() -> Iterator[FakePlatform]:
    platform = FakePlatform()
    try:
        yield platform
    finally:
        platform.close()
