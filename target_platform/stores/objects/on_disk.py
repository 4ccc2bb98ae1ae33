"""The embedded adapter of objects: a folder on disk."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from target_platform.stores.objects.blobs import Blob, Blobs
from target_platform.stores.objects.interface import (
    AlreadyThere,
    BadParts,
    Listed,
    NoRoom,
    NotThere,
    Object,
    ObjectsFailed,
    Part,
    Source,
    Upload,
    checked_key,
    checked_number,
    checked_parts,
    checked_prefix,
    checked_span,
    composite,
)
from target_platform.stores.sqlite_file import SqliteFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, size INTEGER NOT NULL, checksum TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (
    id TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (id, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_blob ON pieces (blob);
"""
PAGE = 1000
REPLACED_MOST = 100
"""So often an object can be replaced between being looked up and being opened. Once is rare."""

Span = tuple[Blob, int, int]
"""Bytes of a file, from the first to the last."""


class DiskObjects:
    """Bytes stand in files whose names mean nothing, keys in an index: no key can be a path, or escape from the folder.

    A file counts from the moment at which the index names it, in one commit, and only after it is on disk. Any number
    of processes can open the same folder. Opening removes what others left that were killed while they wrote.
    """

    def __init__(self, folder: Path) -> None:
        self._index = SqliteFile(folder / "index.sqlite", _SCHEMA, _failure)
        self._blobs = Blobs(folder / "blobs", self._is_kept)
        with self._index.reading() as index:
            kept = {str(name) for (name,) in index.execute("SELECT blob FROM pieces")}
        self._blobs.sweep(kept)

    def put(self, key: str, source: Source, *, sha256: str = "", if_absent: bool = False) -> Object:
        checked_key(key)
        with self._blobs.written(source, sha256) as blob, self._index.writing() as index:
            if if_absent and _object(index, key):
                raise AlreadyThere(f"there is an object {key} already")
            id = uuid.uuid4().hex
            _add_piece(index, id, 1, blob)
            made = Object(key=key, size=blob.size, checksum=blob.sha256)
            replaced = _publish(index, made, id)
        self._remove(replaced)
        return made

    def get(self, key: str, first: int = 0, last: int | None = None) -> bytes:
        return b"".join(self.read(key, first, last))

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        for _ in range(REPLACED_MOST):
            spans = self._spans(key, first, last)
            try:
                opened = [self._blobs.read(*each) for each in spans[:1]]
            except FileNotFoundError:
                continue  # replaced or deleted since it was looked up
            return chain(*opened, self._read_on(key, spans[1:]))
        raise ObjectsFailed(f"the bytes of {key} are missing on disk")

    def head(self, key: str) -> Object:
        checked_key(key)
        with self._index.reading() as index:
            found = _object(index, key)
        if found is None:
            raise NotThere(f"there is no object {key}")
        return found

    def under(self, prefix: str = "") -> Iterator[Listed]:
        checked_prefix(prefix)
        after, rows = "", self._page("key >= ?", prefix)
        while rows:
            for key, size in rows:
                if not key.startswith(prefix):
                    return
                yield Listed(key=key, size=size)
                after = key
            rows = self._page("key > ?", after) if len(rows) == PAGE else []

    def delete(self, key: str) -> None:
        checked_key(key)
        with self._index.writing(although_full=True) as index:
            removed = _unpublish(index, key)
        self._remove(removed)

    def start(self, key: str) -> Upload:
        upload = Upload(key=checked_key(key), id=uuid.uuid4().hex)
        with self._index.writing() as index:
            index.execute("INSERT INTO uploads VALUES (?, ?)", (upload.id, upload.key))
        return upload

    def put_part(self, upload: Upload, number: int, source: Source, *, sha256: str = "") -> Part:
        checked_number(number)
        self.parts(upload)  # no bytes are written for an upload that is not there
        with self._blobs.written(source, sha256) as blob, self._index.writing() as index:
            _check_upload(index, upload)
            replaced = _drop_pieces(index, "id = ? AND number = ?", upload.id, number)
            _add_piece(index, upload.id, number, blob)
        self._remove(replaced)
        return Part(number=number, size=blob.size, sha256=blob.sha256)

    def parts(self, upload: Upload) -> tuple[Part, ...]:
        with self._index.reading() as index:
            _check_upload(index, upload)
            return tuple(_parts(index, upload.id))

    def complete(self, upload: Upload, parts: Sequence[Part]) -> Object:
        checked_parts(parts)
        made = Object(key=upload.key, size=sum(each.size for each in parts), checksum=composite(parts))
        with self._index.writing() as index:
            if not _has_upload(index, upload) and _object(index, upload.key) == made:
                return made  # asked again
            _check_upload(index, upload)
            removed = _keep_only(index, upload, parts)
            index.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
            removed += _publish(index, made, upload.id)
        self._remove(removed)
        return made

    def abort(self, upload: Upload) -> None:
        with self._index.writing(although_full=True) as index:
            if not _has_upload(index, upload):
                return
            removed = _drop_pieces(index, "id = ?", upload.id)
            index.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        self._remove(removed)

    def uploads(self, prefix: str = "") -> tuple[Upload, ...]:
        checked_prefix(prefix)
        with self._index.reading() as index:
            rows = index.execute("SELECT key, id FROM uploads ORDER BY key, id").fetchall()
        return tuple(Upload(key=key, id=id) for key, id in rows if key.startswith(prefix))

    def close(self) -> None:
        self._index.close()

    def _spans(self, key: str, first: int, last: int | None) -> list[Span]:
        checked_key(key)
        with self._index.reading() as index:
            found = _object(index, key)
            if found is None:
                raise NotThere(f"there is no object {key}")
            query = "SELECT blob, size, sha256 FROM pieces WHERE id = (SELECT id FROM objects WHERE key = ?)"
            blobs = [Blob(*row) for row in index.execute(f"{query} ORDER BY number", (key,))]
        first, last = checked_span(found, first, last)
        return list(_cut(blobs, first, last))

    def _read_on(self, key: str, spans: Sequence[Span]) -> Iterator[bytes]:
        for span in spans:
            try:
                yield from self._blobs.read(*span)
            except FileNotFoundError as error:
                raise ObjectsFailed(f"{key} was replaced or deleted while it was read") from error

    def _page(self, where: str, key: str) -> list[tuple[str, int]]:
        with self._index.reading() as index:
            query = f"SELECT key, size FROM objects WHERE {where} ORDER BY key LIMIT {PAGE}"
            return index.execute(query, (key,)).fetchall()

    def _is_kept(self, name: str) -> bool:
        with self._index.reading() as index:
            return index.execute("SELECT 1 FROM pieces WHERE blob = ?", (name,)).fetchone() is not None

    def _remove(self, names: Sequence[str]) -> None:
        """The index does not name them any more, so nothing is lost if this fails: the next sweep removes them."""
        for name in names:
            try:
                self._blobs.remove(name)
            except ObjectsFailed:
                pass  # see above


def _failure(sentence: str, is_full: bool) -> ObjectsFailed:
    return NoRoom(sentence) if is_full else ObjectsFailed(sentence)


def _object(index: sqlite3.Connection, key: str) -> Object | None:
    row = index.execute("SELECT size, checksum FROM objects WHERE key = ?", (key,)).fetchone()
    return Object(key=key, size=row[0], checksum=row[1]) if row else None


def _add_piece(index: sqlite3.Connection, id: str, number: int, blob: Blob) -> None:
    index.execute("INSERT INTO pieces VALUES (?, ?, ?, ?, ?)", (id, number, blob.name, blob.size, blob.sha256))


def _publish(index: sqlite3.Connection, made: Object, id: str) -> list[str]:
    """Returns the names of files that do not count any more."""
    replaced = _unpublish(index, made.key)
    index.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", (made.key, id, made.size, made.checksum))
    return replaced


def _unpublish(index: sqlite3.Connection, key: str) -> list[str]:
    removed = _drop_pieces(index, "id = (SELECT id FROM objects WHERE key = ?)", key)
    index.execute("DELETE FROM objects WHERE key = ?", (key,))
    return removed


def _drop_pieces(index: sqlite3.Connection, where: str, *values: str | int) -> list[str]:
    return [str(name) for (name,) in index.execute(f"DELETE FROM pieces WHERE {where} RETURNING blob", values)]


def _has_upload(index: sqlite3.Connection, upload: Upload) -> bool:
    query = "SELECT 1 FROM uploads WHERE id = ? AND key = ?"
    return index.execute(query, (upload.id, upload.key)).fetchone() is not None


def _check_upload(index: sqlite3.Connection, upload: Upload) -> None:
    if not _has_upload(index, upload):
        raise NotThere(f"there is no upload {upload.id} of {upload.key}: it is complete, aborted, or never began")


def _parts(index: sqlite3.Connection, id: str) -> Iterator[Part]:
    for number, size, sha256 in index.execute("SELECT number, size, sha256 FROM pieces WHERE id = ? ORDER BY 1", (id,)):
        yield Part(number=number, size=size, sha256=sha256)


def _keep_only(index: sqlite3.Connection, upload: Upload, parts: Sequence[Part]) -> list[str]:
    """Forget the others, of which the names of files are returned. Raises BadParts if one is not there."""
    there = {each.number: each for each in _parts(index, upload.id)}
    for part in parts:
        if there.get(part.number) != part:
            raise BadParts(f"part {part.number} of {upload.key} was never put, or is not what was put last")
    unused = there.keys() - {each.number for each in parts}
    return [name for each in unused for name in _drop_pieces(index, "id = ? AND number = ?", upload.id, each)]


def _cut(blobs: Sequence[Blob], first: int, last: int) -> Iterator[Span]:
    begins = 0
    for blob in blobs:
        ends = begins + blob.size
        if blob.size and begins <= last and ends > first:
            yield blob, max(first - begins, 0), min(last, ends - 1) - begins
        begins = ends
