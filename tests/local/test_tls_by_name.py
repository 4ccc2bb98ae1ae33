"""TLS through the proxy, led by the name of the server that clients ask for: real handshakes that it does not end."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos.proxy.config import ProxyConfig
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxic_request import make_toxic
from chaos.proxy.toxics import Runtime

NAMES = ("a.example", "b.example")


class Server:
    """Ends TLS with a certificate of its own, says its name and what it got."""

    def __init__(self, name: str, folder: Path) -> None:
        self.certificate = folder / f"{name}.pem"
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(self.certificate)]
        made = subprocess.run(
            ["openssl", "req", "-x509", *key, "-out", str(folder / f"{name}.crt"), "-days", "1", *subject],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        self.trusted = folder / f"{name}.crt"
        self._name = name
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.trusted, self.certificate)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(client, server_side=True) as secured:
                    secured.sendall(self._name.encode() + b" got " + secured.recv(100))
            except OSError:
                client.close()  # a client that speaks no TLS, or that was cut off


class Stage:
    def __init__(self, servers: dict[str, Server]) -> None:
        self.servers = servers
        self.loop = Loop()
        first, second = NAMES
        config = ProxyConfig(
            name="tls",
            listen="127.0.0.1:0",
            upstream=servers[first].address,
            routes={f"*.{second}": "127.0.0.1:1", second: servers[second].address},
        )
        self.proxy = Proxy(config, Runtime(self.loop, Random(1)))
        self.loop.start()
        self.loop.ask(self.proxy.listen)

    def connect(self) -> socket.socket:
        host, port = self.proxy.listen_address.split(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def asks(self, name: str) -> bytes:
        """What a client gets that trusts only the certificate of the server it asks for."""
        context = ssl.create_default_context(cafile=self.servers[name].trusted)
        with context.wrap_socket(self.connect(), server_hostname=name) as secured:
            secured.sendall(b"hello")
            return secured.recv(100)

    def put(self, **asked: Any) -> None:
        toxic = make_toxic({"name": "t", **asked}, self.proxy.toxics)
        self.loop.ask(lambda: self.proxy.add(toxic))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    found = {name: Server(name, folder) for name in NAMES}
    yield found
    for server in found.values():
        server.close()


@pytest.fixture
def stage(servers: dict[str, Server]) -> Iterator[Stage]:
    found = Stage(servers)
    yield found
    found.loop.ask(found.proxy.close)
    found.loop.stop()


def test_a_connection_goes_where_the_name_leads_and_is_encrypted_to_there(stage: Stage) -> None:
    assert stage.asks("a.example") == b"a.example got hello"
    assert stage.asks("b.example") == b"b.example got hello"


def test_a_hello_may_come_in_many_pieces(stage: Stage) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=stage.servers["b.example"].trusted)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="b.example")
    with stage.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        is_done = False
        while not is_done:
            try:
                tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                pass  # it waits for what is received below
            said = outgoing.read()
            for at in range(0, len(said), 97):
                client.sendall(said[at : at + 97])
                time.sleep(0.002)
            if not is_done:
                incoming.write(client.recv(65536))
    certificate = tls.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", "b.example"),)


def test_who_says_nothing_or_hangs_up_costs_nothing(stage: Stage) -> None:
    with stage.connect() as silent:
        with stage.connect() as early:
            early.sendall(b"\x16\x03")
        assert stage.asks("b.example") == b"b.example got hello"
        stage.loop.ask(stage.proxy.close)
        assert silent.recv(1) == b""


def test_what_is_no_tls_goes_to_the_upstream(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain_server:
        stage.proxy.upstream_address = f"127.0.0.1:{plain_server.getsockname()[1]}"
        with stage.connect() as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            accepted, _ = plain_server.accept()
            with accepted:
                assert accepted.recv(100) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_toxic_for_one_name_leaves_the_other_alone(stage: Stage) -> None:
    stage.put(type="latency", stream="both", attributes={"latency": 150}, sni=["b.example"])

    def seconds_of(name: str) -> float:
        began = time.perf_counter()
        assert stage.asks(name).startswith(name.encode())
        return time.perf_counter() - began

    assert seconds_of("b.example") >= 0.6, "two round trips, delayed each way"
    assert min(seconds_of("a.example") for _ in range(5)) < 0.6, "a busy machine is not slow every time"
