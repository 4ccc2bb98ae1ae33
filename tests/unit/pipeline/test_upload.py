"""A master comes in parts, each of them checked; what is there is not sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.pipeline import upload as module
from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.upload import identify, upload
from target_platform.stores.objects.interface import ObjectsFailed, Part, Source, Upload
from target_platform.stores.objects.on_disk import DiskObjects

PART = 5 * 2**20


class Counting(DiskObjects):
    """Counts the parts, and fails at one of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sent: list[int] = []
        self.fails_at = 0

    def put_part(self, upload: Upload, number: int, source: Source, *, sha256: str = "") -> Part:
        if number == self.fails_at:
            raise ObjectsFailed("the store is away")
        self.sent.append(number)
        return super().put_part(upload, number, source, sha256=sha256)


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    monkeypatch.setattr(module, "PART_BYTES", PART)
    made = Counting(tmp_path / "objects")
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Master.MP4"
    path.write_bytes(bytes(range(256)) * (2 * PART // 256) + b"end")
    return path


def test_what_was_sent_is_what_is_there(objects: Counting, path: Path) -> None:
    file = identify(path)
    upload(objects, path, file)
    assert objects.sent == [1, 2, 3]
    assert objects.get(file.key) == path.read_bytes()
    assert file.key.endswith(".mp4")


def test_a_second_time_nothing_is_sent(objects: Counting, path: Path) -> None:
    upload(objects, path, identify(path))
    upload(objects, path, identify(path))
    assert objects.sent == [1, 2, 3]


def test_an_upload_that_broke_off_goes_on_where_it_was(objects: Counting, path: Path) -> None:
    objects.fails_at = 3
    with pytest.raises(ObjectsFailed):
        upload(objects, path, identify(path))
    assert list(objects.under("masters/")) == []
    objects.fails_at = 0
    upload(objects, path, identify(path))
    assert objects.sent == [1, 2, 3]
    assert objects.get(identify(path).key) == path.read_bytes()


def test_a_file_that_changes_meanwhile_is_refused_and_not_kept(objects: Counting, path: Path) -> None:
    file = identify(path)
    path.write_bytes(b"another one")
    with pytest.raises(Rejected, match=r"Master\.MP4 was changed while it was read"):
        upload(objects, path, file)
    assert list(objects.under("masters/")) == []
    assert objects.uploads() == ()


def test_a_checksum_that_does_not_fit_is_refused(path: Path) -> None:
    digest = identify(path).sha256
    assert identify(path, digest.upper()).sha256 == digest
    with pytest.raises(Rejected, match=f"not what was announced: its SHA-256 is {digest}"):
        identify(path, "0" * 64)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read: No such file"):
        identify(tmp_path / "none.mp4")
