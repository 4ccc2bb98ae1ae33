"""Files that go from the page cache to the socket: what arrives, what is counted, and who is cut off."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from target_platform.kit.access_log import Served
from target_platform.kit.sendfile import LINGER_NOT, ZEROCOPY, SendingFiles
from target_platform.kit.serve import access_log_path, running
from target_platform.kit.service import Instance, Service
from tests.unit.kit.stage import config_for

CONTENT = os.urandom(1 << 16) * 256  # 16 MiB: more than a burst, and than sockets hold
START = 1000
Play = Callable[["Site"], Awaitable[None]]


class Site:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def connect(self, receive_bytes: int = 0) -> socket.socket:
        """A client that blocks; with a small buffer, if given, so that little is under way to it."""
        client = socket.socket()
        client.settimeout(30)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect(("127.0.0.1", self._instance.config.port))
        return client

    async def log(self, lines: int) -> list[Served]:
        """As soon as there are so many lines."""
        file = access_log_path(self._instance.config)
        while len(found := file.read_bytes().splitlines()) < lines:  # noqa: ASYNC110  it is a file
            await asyncio.sleep(0.005)
        return [msgspec.json.decode(line, type=Served) for line in found]


class File(Response):
    """The content from START on, and `beyond` bytes that the file does not have."""

    def __init__(self, file: Path, beyond: int = 0) -> None:
        super().__init__()
        self._file = file
        self._count = len(CONTENT) - START + beyond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert ZEROCOPY in scope["extensions"]
        head = [(b"content-length", b"%d" % self._count)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        with self._file.open("rb") as opened:
            await send({"type": ZEROCOPY, "file": opened.fileno(), "offset": START, "count": self._count})


class Pieces(Response):
    """The content piece by piece, as a service sends what it has in memory."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = [(b"content-length", b"%d" % len(CONTENT))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for start in range(0, len(CONTENT), 1 << 16):
            more = start + (1 << 16) < len(CONTENT)
            await send({"type": "http.response.body", "body": CONTENT[start : start + (1 << 16)], "more_body": more})


def service(file: Path) -> Service:
    async def whole(request: Request) -> Response:
        return File(file)

    async def too_long(request: Request) -> Response:
        return File(file, beyond=1)

    async def plain(request: Request) -> Response:
        return Response(CONTENT)

    def routes(instance: Instance) -> Sequence[Route]:
        of_pieces = Route("/pieces", lambda request: Pieces())
        return [Route("/file", whole), Route("/too-long", too_long), Route("/plain", plain), of_pieces]

    return Service(name="a", criticality="critical", routes=routes)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def visit(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Runs a play with a site, whose readers are cut off after so long."""
    file = tmp_path / "content"
    file.write_bytes(CONTENT)

    def run(play: Play, stalled_seconds: float = 60) -> None:
        (tmp_path / "policies.yaml").write_text(f"shedding: {{stalled_seconds: {stalled_seconds}, delay_ms: 60000}}")

        async def on_stage() -> None:
            async with asyncio.timeout(50), running(service(file), config_for(tmp_path, "a")) as instance:
                await play(Site(instance))

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(on_stage())

    return run


def asked(*paths: str) -> bytes:
    return b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)


CLOSING = b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def body(client: socket.socket, piece: int = 1 << 16) -> bytes:
    """Of one answer, read by so many bytes at a time."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    [length] = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    content = bytearray()
    while len(content) < length:
        received = client.recv(min(piece, length - len(content)))
        assert received, "the connection ended too early"
        content += received
    return bytes(content)


def rest(client: socket.socket) -> bytes:
    """All that comes until the connection ends, whichever way."""
    content = bytearray()
    try:
        while received := client.recv(1 << 20):
            content += received
    except ConnectionResetError:
        pass
    return bytes(content)


def test_one_answer_after_the_other_on_one_connection_each_whole_and_counted(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect() as client:
            for _ in range(3):
                client.sendall(asked("/file"))
                assert await asyncio.to_thread(body, client) == CONTENT[START:]
        assert [line.bytes for line in await site.log(3)] == [len(CONTENT) - START] * 3

    visit(play)


def test_what_is_asked_for_at_once_comes_in_its_order_whatever_stands_in_buffers(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect(receive_bytes=10_000) as client:
            client.sendall(asked("/plain", "/file", "/file", "/plain", "/file"))
            for wanted in (CONTENT, CONTENT[START:], CONTENT[START:], CONTENT, CONTENT[START:]):
                assert await asyncio.to_thread(body, client) == wanted

    visit(play)


def test_a_slow_reader_gets_all_and_others_do_not_wait_for_it(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect(receive_bytes=10_000) as slow, site.connect() as quick:
            slow.sendall(asked("/file"))
            for _ in range(2):
                quick.sendall(asked("/file"))
                assert await asyncio.to_thread(body, quick) == CONTENT[START:]
            assert len(await site.log(2)) == 2
            assert await asyncio.to_thread(body, slow, 20_000) == CONTENT[START:]

    visit(play)


def test_in_a_crowd_the_kernel_holds_little_for_each(
    visit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(client: socket.socket) -> int:
        """Bytes in the queue of the server's end of the connection."""
        ends = [client.getpeername()[1], client.getsockname()[1]]
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        [queues] = [line[4] for line in lines if [int(end.partition(":")[2], 16) for end in line[1:3]] == ends]
        return int(queues.partition(":")[0], 16)

    async def play(site: Site) -> None:
        monkeypatch.setattr("target_platform.kit.sendfile.CROWD", 0)
        with site.connect(receive_bytes=10_000) as slow:
            slow.sendall(asked("/file"))
            while not held(slow):  # noqa: ASYNC110  the kernel's list
                await asyncio.sleep(0.005)
            for _ in range(20):
                await asyncio.sleep(0.001)
                assert held(slow) < 300_000
            assert await asyncio.to_thread(body, slow) == CONTENT[START:]

    visit(play)


def test_a_viewer_who_goes_away_is_counted_with_what_may_have_reached_it(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect(receive_bytes=10_000) as client:
            client.sendall(asked("/file"))
            await asyncio.to_thread(client.recv, 10)
        [line] = await site.log(1)
        assert line.bytes < len(CONTENT) - START

    visit(play)


@pytest.mark.parametrize("path", ["/file", "/pieces"])
def test_who_reads_nothing_is_cut_off(visit: Callable[..., None], path: str) -> None:
    async def play(site: Site) -> None:
        with site.connect(receive_bytes=10_000) as client:
            client.sendall(asked(path))
            [line] = await site.log(1)
            ended = select.poll()
            ended.register(client, 0)  # says when it is over, whatever is still to be read
            assert await asyncio.to_thread(ended.poll, 30_000)
            received = await asyncio.to_thread(rest, client)
        _, _, content = received.partition(b"\r\n\r\n")
        assert len(content) < len(CONTENT) - START
        if path == "/file":
            assert line.bytes <= len(content) < line.bytes + 200_000  # the kernel acknowledges a moment later

    visit(play, stalled_seconds=0.1)


def test_a_file_that_is_shorter_than_was_said_ends_the_connection(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect() as client:
            client.sendall(asked("/too-long"))
            received = await asyncio.to_thread(rest, client)
        assert len(received.partition(b"\r\n\r\n")[2]) <= len(CONTENT) - START

    visit(play)


def test_nothing_is_left_open_by_readers_who_came_and_went(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        async def descriptors_are(count: int) -> None:
            while len(os.listdir("/proc/self/fd")) != count:  # noqa: ASYNC110  the kernel's list
                await asyncio.sleep(0.005)

        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            clients = [site.connect(receive_bytes=10_000) for _ in range(20)]
            for client in clients:
                client.sendall(asked("/file"))
            await asyncio.sleep(0.01)
            for client in clients:
                client.close()
            await descriptors_are(before)

    visit(play)


def test_nothing_is_kept_of_a_connection_that_was_reset_between_two_requests(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        for _ in range(5):
            with site.connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                client.sendall(asked("/file"))
                await asyncio.to_thread(body, client)
        async with asyncio.timeout(20):  # uvicorn's timer for the next request would let go of it after thirty
            while any(type(each) is SendingFiles for each in gc.get_objects()):
                await asyncio.sleep(0.05)
                gc.collect()

    visit(play)


def test_who_has_said_all_that_it_wants_to_say_is_still_answered(visit: Callable[..., None]) -> None:
    async def play(site: Site) -> None:
        with site.connect() as client:
            client.sendall(asked("/file"))
            client.shutdown(socket.SHUT_WR)
            assert await asyncio.to_thread(body, client) == CONTENT[START:]

    visit(play)


@pytest.mark.parametrize("asking", [asked("/plain"), CLOSING], ids=["keep-alive", "close"])
def test_who_has_its_answer_in_buffers_and_takes_none_of_it_is_cut_off(
    visit: Callable[..., None], monkeypatch: pytest.MonkeyPatch, asking: bytes
) -> None:
    monkeypatch.setattr("target_platform.kit.serve.KEEP_ALIVE_SECONDS", 0.05)

    async def play(site: Site) -> None:
        with site.connect(receive_bytes=10_000) as client:
            client.sendall(asking)
            ended = select.poll()
            ended.register(client, 0)
            assert await asyncio.to_thread(ended.poll, 20_000)

    visit(play, stalled_seconds=0.1)
