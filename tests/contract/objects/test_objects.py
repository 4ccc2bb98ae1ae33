"""What every store of objects promises."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from typing import BinaryIO

import pytest

from target_platform.stores.objects.interface import (
    PART_BYTES_LEAST,
    AlreadyThere,
    BadKey,
    BadParts,
    Listed,
    NotThere,
    Object,
    Objects,
    ObjectsFailed,
    OutOfRange,
    Part,
    Source,
    WrongChecksum,
    composite,
)

LETTERS = b"abcdefghij"
LARGE = bytes(range(256)) * (3 * 2**20 // 256)
FIRST_PART = bytes(range(256)) * (PART_BYTES_LEAST // 256)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keys(objects: Objects, prefix: str = "") -> list[str]:
    return [each.key for each in objects.under(prefix)]


class Stream(io.RawIOBase):
    """Bytes that come from a connection: they can be read once, in small pieces, and break off if `breaks`."""

    def __init__(self, data: bytes, breaks: bool = False) -> None:
        self._left = io.BytesIO(data)
        self._breaks = breaks

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        piece = self._left.read(min(size, 1000) if size >= 0 else 1000)
        if not piece and self._breaks:
            raise ConnectionResetError("the sender has gone")
        return piece


def opened_at_3(data: bytes) -> BinaryIO:
    file = io.BytesIO(b"xyz" + data)
    file.seek(3)
    return file


@pytest.mark.parametrize("source", [bytes, io.BytesIO, Stream, opened_at_3])
def test_what_is_put_is_what_is_there(objects: Objects, source: Callable[[bytes], Source]) -> None:
    for data in (b"", LETTERS, LARGE):
        made = objects.put("titles/one/master.mp4", source(data))
        assert made == Object(key="titles/one/master.mp4", size=len(data), checksum=sha256(data))
        assert objects.head("titles/one/master.mp4") == made
        assert objects.get("titles/one/master.mp4") == data
        assert b"".join(objects.read("titles/one/master.mp4")) == data


def test_the_newest_put_counts(objects: Objects) -> None:
    objects.put("a", LARGE)
    objects.put("a", LETTERS)
    assert objects.get("a") == LETTERS
    assert list(objects.under()) == [Listed(key="a", size=10)]


def test_what_was_never_put_or_is_deleted_is_not_there(objects: Objects) -> None:
    objects.put("a/b", LETTERS)
    objects.delete("a/b")
    objects.delete("a/b")
    for ask in (objects.get, objects.head, objects.read):
        with pytest.raises(NotThere):
            ask("a/b")
    assert keys(objects) == []


def test_a_range_counts_as_http_does(objects: Objects) -> None:
    objects.put("a", LETTERS)
    for first, last, expected in (
        (0, 0, b"a"),
        (0, 9, LETTERS),
        (3, None, b"defghij"),
        (9, 9, b"j"),
        (4, 99, b"efghij"),
        (2, 5, b"cdef"),
    ):
        assert objects.get("a", first, last) == expected
        assert b"".join(objects.read("a", first, last)) == expected


def test_a_range_that_holds_nothing_is_refused(objects: Objects) -> None:
    objects.put("a", LETTERS)
    for first, last in ((10, None), (10, 12), (5, 4), (-1, 4), (-1, None)):
        with pytest.raises(OutOfRange):
            objects.get("a", first, last)


def test_of_an_empty_object_no_range_holds_anything(objects: Objects) -> None:
    objects.put("a", b"")
    with pytest.raises(OutOfRange):
        objects.get("a", 0, 5)


def test_bytes_that_are_not_what_the_sender_announced_are_not_kept(objects: Objects) -> None:
    objects.put("old", LETTERS, sha256=sha256(LETTERS).upper())
    for key in ("old", "new"):
        with pytest.raises(WrongChecksum, match=sha256(b"broken")):
            objects.put(key, b"broken", sha256=sha256(LETTERS))
    assert objects.get("old") == LETTERS
    assert keys(objects) == ["old"]


def test_of_a_source_that_breaks_off_nothing_is_kept(objects: Objects) -> None:
    objects.put("old", LETTERS)
    for key in ("old", "new"):
        with pytest.raises((ObjectsFailed, ConnectionResetError), match="the sender has gone"):
            objects.put(key, Stream(LARGE, breaks=True))
    assert objects.get("old") == LETTERS
    assert keys(objects) == ["old"]


def test_a_put_that_is_to_find_nothing_leaves_what_it_finds(objects: Objects) -> None:
    objects.put("a", LETTERS, if_absent=True)
    for data in (LETTERS, b"other"):
        with pytest.raises(AlreadyThere):
            objects.put("a", data, if_absent=True)
    assert objects.get("a") == LETTERS
    objects.delete("a")
    assert objects.put("a", b"other", if_absent=True).size == 5


@pytest.mark.parametrize("objects", ["disk", "versitygw"], indirect=True)  # moto looks first and keeps then
def test_of_many_who_put_if_nothing_is_there_one_succeeds(objects: Objects) -> None:
    outcomes: list[bytes | None] = []

    def put(data: bytes) -> None:
        begin.wait()
        try:
            objects.put("a", data, if_absent=True)
            outcomes.append(data)
        except AlreadyThere:
            outcomes.append(None)

    begin = threading.Barrier(8)
    threads = [threading.Thread(target=put, args=(bytes([number]) * 1000,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(outcomes) == 8
    assert [each for each in outcomes if each is not None] == [objects.get("a")]


def test_keys_are_listed_in_order_by_how_they_begin(objects: Objects) -> None:
    for key in ("b/2", "a/10", "a/9", "a.b", "ab", "ä/1"):
        objects.put(key, key.encode())
    assert list(objects.under("a/")) == [Listed(key="a/10", size=4), Listed(key="a/9", size=3)]
    assert keys(objects, "a") == ["a.b", "a/10", "a/9", "ab"]
    assert keys(objects) == ["a.b", "a/10", "a/9", "ab", "b/2", "ä/1"]
    assert keys(objects, "c") == []


def test_a_key_may_have_any_printable_characters(objects: Objects) -> None:
    odd = ["a b/+%2F?#&=;,.m4s", "a..b/...", "~", "日本/語", "-", "a:b@c", "'\"<>|*", "n" * 255]
    for key in odd:
        objects.put(key, key.encode())
        assert objects.get(key) == key.encode()
        assert objects.head(key).size == len(key.encode())
    assert keys(objects) == sorted(odd, key=str.encode)
    for key in odd:
        objects.delete(key)
    assert keys(objects) == []


def test_what_could_lead_astray_is_no_key(objects: Objects) -> None:
    paths = ["", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/./b", "a\\b", "a\nb", "a\0b"]
    for key in (*paths, "\ud800", "n" * 256, "/".join(["n" * 200] * 6)):
        for call in (objects.get, objects.head, objects.delete, objects.start, lambda key: objects.put(key, LETTERS)):
            with pytest.raises(BadKey):
                call(key)
    assert keys(objects) == []


def test_who_reads_keeps_reading_what_was_there(objects: Objects) -> None:
    objects.put("a", LARGE)
    objects.put("b", LARGE)
    readers = [objects.read("a"), objects.read("b")]
    begun = [next(each) for each in readers]
    objects.put("a", LETTERS)
    objects.delete("b")
    assert [first + b"".join(rest) for first, rest in zip(begun, readers, strict=True)] == [LARGE, LARGE]


def test_parts_come_in_any_order_and_are_one_object_when_they_are_complete(objects: Objects) -> None:
    objects.put("a", LETTERS)
    upload = objects.start("a")
    last = objects.put_part(upload, 7, Stream(b"the end"), sha256=sha256(b"the end"))
    first = objects.put_part(upload, 2, io.BytesIO(FIRST_PART))
    assert (last.number, last.size, last.sha256) == (7, 7, sha256(b"the end"))
    assert objects.get("a") == LETTERS, "nothing is to be seen of it before"
    assert objects.uploads() == (upload,)

    made = objects.complete(upload, [first, last])
    digests = bytes.fromhex(first.sha256) + bytes.fromhex(last.sha256)
    assert made == Object(key="a", size=PART_BYTES_LEAST + 7, checksum=f"{sha256(digests)}-2")
    assert objects.head("a") == made
    assert objects.get("a") == FIRST_PART + b"the end"
    assert objects.get("a", PART_BYTES_LEAST - 1, PART_BYTES_LEAST + 2) == FIRST_PART[-1:] + b"the"
    assert objects.get("a", PART_BYTES_LEAST) == b"the end"
    assert objects.uploads() == ()


def test_who_did_not_hear_that_it_is_complete_may_ask_again(objects: Objects) -> None:
    upload = objects.start("a")
    parts = [objects.put_part(upload, 1, LETTERS)]
    assert objects.complete(upload, parts) == objects.complete(upload, parts)
    objects.abort(upload)
    assert objects.get("a") == LETTERS, "what is complete stays"


def test_another_process_can_go_on_with_an_upload(objects: Objects, is_emulated: bool) -> None:
    upload = objects.start("a")
    put = [objects.put_part(upload, 1, FIRST_PART), objects.put_part(upload, 2, LETTERS)]
    found = objects.parts(objects.uploads("a")[0])
    assert [(each.number, each.size, each.tag) for each in found] == [
        (each.number, each.size, each.tag) for each in put
    ]
    if not is_emulated:
        assert list(found) == put
    assert objects.complete(upload, found).checksum == composite(put)


def test_of_a_part_the_newest_counts_and_others_are_forgotten(objects: Objects) -> None:
    upload = objects.start("a")
    old = objects.put_part(upload, 1, b"old")
    objects.put_part(upload, 2, b"not wanted")
    new = objects.put_part(upload, 1, b"new")
    with pytest.raises(BadParts):
        objects.complete(upload, [old])
    assert keys(objects) == []
    objects.complete(upload, [new])
    assert objects.get("a") == b"new"


def test_parts_that_make_no_object_are_refused(objects: Objects) -> None:
    upload = objects.start("a")
    one, two = objects.put_part(upload, 1, b"small"), objects.put_part(upload, 2, LETTERS)
    never = Part(number=3, size=5, sha256=sha256(b"never"), tag='"00000000000000000000000000000000"')
    for parts in ([], [two, one], [one, one], [one, two], [never]):
        with pytest.raises(BadParts):
            objects.complete(upload, parts)
    for number in (0, -1, 10_001):
        with pytest.raises(BadParts):
            objects.put_part(upload, number, LETTERS)
    with pytest.raises(WrongChecksum):
        objects.put_part(upload, 4, b"broken", sha256=sha256(LETTERS))
    assert [each.number for each in objects.parts(upload)] == [1, 2]
    assert keys(objects) == []


def test_an_upload_that_was_given_up_is_gone(objects: Objects, is_emulated: bool) -> None:
    upload = objects.start("a")
    part = objects.put_part(upload, 1, LETTERS)
    objects.abort(upload)
    objects.abort(upload)
    gone = ObjectsFailed if is_emulated else NotThere
    with pytest.raises(NotThere):
        objects.parts(upload)
    with pytest.raises(gone):
        objects.put_part(upload, 1, LETTERS)
    with pytest.raises(gone):
        objects.complete(upload, [part])
    assert objects.uploads() == ()
    assert keys(objects) == []


def test_uploads_are_listed_by_how_their_keys_begin(objects: Objects) -> None:
    one, other = objects.start("a/1"), objects.start("b/1")
    assert objects.uploads("a/") == (one,)
    assert set(objects.uploads()) == {one, other}
