"""What the S3 adapter does when the server does not answer; and how a store is named in a line."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from target_platform.stores.objects.interface import AlreadyThere, Objects, ObjectsFailed, WrongChecksum
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.objects.place import objects_at
from target_platform.stores.objects.s3 import S3Objects, S3Place
from tests import s3
from tests.ports import free, own

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Which is no answer yet: the bytes are sent only after it."""


@contextmanager
def losing(upstream: str, answers: int) -> Iterator[str]:
    """Carries requests to the server, and loses that many of its answers: closes the connection in their stead."""
    host, port = upstream.removeprefix("http://").split(":")
    left = [answers]

    def carry(client: socket.socket) -> None:
        with client, socket.create_connection((host, int(port))) as server, suppress(OSError):  # who asked may be gone
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            while data := server.recv(65536):
                if left[0] and data.replace(CONTINUE, b""):
                    left[0] -= 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # it is over
            threading.Thread(target=carry, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass  # the other side is closed


def through(address: str) -> S3Objects:
    return S3Objects(S3Place(bucket="media", endpoint_url=address, connect_seconds=60.0, read_seconds=60.0))


def test_a_put_whose_answer_was_lost_knows_itself_again(moto: S3Objects) -> None:
    with losing(str(moto.place.endpoint_url), 1) as address:
        objects = through(address)
        objects.put("lost/answer", b"mine", if_absent=True)
        with pytest.raises(AlreadyThere):
            objects.put("lost/answer", b"mine", if_absent=True)
        objects.close()
    moto.delete("lost/answer")


def test_a_server_that_never_answers_is_an_error_that_says_so(moto: S3Objects) -> None:
    with losing(str(moto.place.endpoint_url), 99) as address:
        objects = through(address)
        for call in (lambda: objects.get("a"), lambda: objects.head("a"), lambda: list(objects.under())):
            with pytest.raises(ObjectsFailed, match="bucket media"):
                call()
        objects.close()


def test_bytes_that_have_changed_on_the_server_are_not_handed_out_for_good_ones(
    credentials: None, tmp_path: Path
) -> None:
    with s3.real(next(free(own(26480, 10))), tmp_path) as address:
        objects = through(address)
        objects.make_bucket()
        objects.put("a", b"what was put")
        (tmp_path / "data" / "media" / "a").write_bytes(b"what was not")
        with pytest.raises(WrongChecksum):
            objects.get("a")
        objects.close()


def test_a_server_that_is_silent_is_given_up(credentials: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        objects = S3Objects(S3Place(bucket="media", endpoint_url=address, read_seconds=0.05, attempts=1))
        with pytest.raises(ObjectsFailed, match="timeout"):
            objects.head("a")
        objects.close()


def test_a_bucket_that_is_not_there_is_an_error_and_no_missing_object(moto: S3Objects) -> None:
    objects = S3Objects(S3Place(bucket="elsewhere", endpoint_url=moto.place.endpoint_url))
    with pytest.raises(ObjectsFailed, match="elsewhere"):
        objects.put("a", b"")
    objects.close()


def test_a_store_is_named_in_a_line(tmp_path: Path, credentials: None) -> None:
    with closing(objects_at(str(tmp_path / "here"))) as disk:
        assert isinstance(disk, DiskObjects)
        disk.put("a", b"1")
    with closing(objects_at("s3://media?endpoint_url=http://127.0.0.1:9&read_seconds=1.5")) as bucket:
        assert isinstance(bucket, S3Objects)
        assert bucket.place == S3Place(bucket="media", endpoint_url="http://127.0.0.1:9", read_seconds=1.5)
    for wrong in ("s3://media?endpont_url=http://x", "s3://media?attempts=many", "s3://"):
        with pytest.raises(ObjectsFailed, match="s3://"):
            objects_at(wrong)


@contextmanager
def closing(objects: Objects) -> Iterator[Objects]:
    yield objects
    objects.close()
