"""What the embedded store promises beyond the contract: about processes that die, disks that fill and rot."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.stores.objects import on_disk
from target_platform.stores.objects.interface import NoRoom, ObjectsFailed, WrongChecksum
from target_platform.stores.objects.on_disk import DiskObjects
from tests.small_disk import small_disk

MEBIBYTE = bytes(range(256)) * 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(folder: Path) -> Iterator[DiskObjects]:
    made = DiskObjects(folder)
    yield made
    made.close()


def files(folder: Path) -> list[Path]:
    return list((folder / "blobs").iterdir())


class Writer:
    """Another process. It puts what it reads from its input under a key, and says so when that is done."""

    CODE = """
import sys
from pathlib import Path
from target_platform.stores.objects.on_disk import DiskObjects
objects = DiskObjects(Path(sys.argv[1]))
class Telling:
    def read(self, size):
        print("reading", flush=True)
        return sys.stdin.buffer.read(size)
if sys.argv[2] == "one":
    objects.put("a", Telling())
    print("put", flush=True)
else:
    for number in range(100000):
        objects.put(f"{number:06}", b"%06d" % number * 1000)
        print(number, flush=True)
"""

    def __init__(self, folder: Path, what: str) -> None:
        command = [sys.executable, "-c", self.CODE, str(folder), what]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def feed(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def said(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def killed(self) -> bytes:
        """What else it said."""
        self.process.send_signal(signal.SIGKILL)
        return self.process.communicate()[0]


def test_of_a_writer_that_is_killed_there_is_nothing_to_be_seen_and_soon_nothing_left(
    folder: Path, objects: DiskObjects
) -> None:
    objects.put("a", b"old")
    with Writer(folder, "one") as writer:
        assert writer.said() == b"reading"
        writer.feed(MEBIBYTE)
        assert writer.said() == b"reading", "it has written the first mebibyte"
        assert len(files(folder)) == 2
        DiskObjects(folder).close()
        assert len(files(folder)) == 2, "what is being written is not swept away"
        assert writer.killed() == b""
    assert objects.get("a") == b"old"
    assert len(files(folder)) == 2
    DiskObjects(folder).close()
    assert len(files(folder)) == 1
    assert objects.get("a") == b"old"


def test_all_that_was_put_before_a_kill_is_there_and_nothing_else(folder: Path) -> None:
    with Writer(folder, "many") as writer:
        told = [writer.said() for _ in range(20)]
        told += writer.killed().split(b"\n")
    acknowledged = {f"{int(each):06}" for each in told if each.strip()}
    objects = DiskObjects(folder)
    there = [each.key for each in objects.under()]
    assert acknowledged <= set(there)
    assert len(there) <= len(acknowledged) + 1, "at most the last one was not told of"
    assert all(objects.get(key) == key.encode() * 1000 for key in there)
    assert len(files(folder)) == len(there)
    objects.close()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * 2**20) as disk:
        objects = DiskObjects(disk / "objects")
        objects.put("a", MEBIBYTE)
        upload = objects.start("b")
        for _ in range(2):
            with pytest.raises(NoRoom, match="the disk is full"):
                objects.put("a", MEBIBYTE * 4)
            with pytest.raises(NoRoom, match="the disk is full"):
                objects.put_part(upload, 1, MEBIBYTE * 4)
            assert len(files(disk / "objects")) == 1
        assert objects.get("a") == MEBIBYTE
        with pytest.raises(NoRoom):
            fill(objects)
        objects.delete("a")
        objects.put("b", MEBIBYTE[: 2**18])
        assert objects.get("b") == MEBIBYTE[: 2**18]
        objects.close()


def fill(objects: DiskObjects) -> None:
    for number in range(10_000):
        objects.put(f"small/{number}", b"x" * 4096)


def test_bytes_that_have_changed_on_disk_are_not_handed_out_for_good_ones(folder: Path, objects: DiskObjects) -> None:
    objects.put("a", MEBIBYTE)
    (file,) = files(folder)
    for changed in (MEBIBYTE[:-1] + b"\0", MEBIBYTE[:-1], b""):
        file.write_bytes(changed)
        with pytest.raises(WrongChecksum):
            objects.get("a")
    file.unlink()
    with pytest.raises(ObjectsFailed, match="the bytes of a are missing"):
        objects.get("a")


def test_an_upload_that_is_complete_or_aborted_leaves_only_what_counts(folder: Path, objects: DiskObjects) -> None:
    objects.put("a", b"old")
    upload, other = objects.start("a"), objects.start("b")
    objects.put_part(upload, 1, b"older")
    parts = [objects.put_part(upload, 1, b"new")]
    objects.put_part(upload, 2, b"not wanted")
    objects.put_part(other, 1, b"given up")
    objects.complete(upload, parts)
    objects.abort(other)
    assert len(files(folder)) == 1


def test_a_long_list_is_read_in_pages(objects: DiskObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"a/{number}" for number in range(6)]
    for key in keys:
        objects.put(key, b"")
    for page in range(1, 8):
        monkeypatch.setattr(on_disk, "PAGE", page)
        assert [each.key for each in objects.under("a")] == keys


def test_what_is_replaced_all_the_time_can_always_be_read(objects: DiskObjects) -> None:
    def replace() -> None:
        for number in range(100):
            objects.put("a", bytes([number]) * 100)
        done.set()

    objects.put("a", b"0" * 100)
    done = threading.Event()
    thread = threading.Thread(target=replace)
    thread.start()
    while not done.is_set():
        assert len(set(objects.get("a"))) == 1
    thread.join()
