"""Files that each hold a run of bytes, written once: what objects on disk are made of."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from target_platform.stores.objects.interface import CHUNK_BYTES, NoRoom, ObjectsFailed, Source, WrongChecksum, chunks


class Blob(Struct, frozen=True):
    """`name` is that of its file, `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


class Blobs:
    """A folder of files with names of no meaning. Which of them count stands in an index; `is_kept` asks it.

    Who writes a file holds a lock on it until the index knows it. So whoever finds one that is neither locked nor in
    the index knows that its writer died, and removes it.
    """

    def __init__(self, folder: Path, is_kept: Callable[[str], bool]) -> None:
        self._folder = folder
        self._is_kept = is_kept
        with translated(f"{folder.name} cannot be made"):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def written(self, source: Source, sha256: str) -> Iterator[Blob]:
        """A new file with these bytes, on disk. The block tells the index; if it does not, the file is gone after it.

        Raises WrongChecksum if `sha256` is not empty and another one, NoRoom.
        """
        name = uuid.uuid4().hex
        with self._claimed(name) as file:
            try:
                with translated("the bytes cannot be written"):
                    blob = self._copied(source, file, name)
                if sha256 and blob.sha256 != sha256.lower():
                    raise WrongChecksum(f"{blob.size} bytes came whose SHA-256 is {blob.sha256}, not {sha256}")
                yield blob
            except BaseException:  # even an interrupt, which may come when the index knows it already
                self._give_up(name)
                raise

    def read(self, blob: Blob, first: int, last: int) -> Iterator[bytes]:
        """Bytes `first` to `last`, in pieces; the file is open when this returns, so that it can be deleted meanwhile.

        Raises FileNotFoundError. When all of it is read, and it is not what was written: WrongChecksum, at the end.
        """
        with translated("the bytes cannot be read"):
            file = (self._folder / blob.name).open("rb")
        pieces = _pieces(file, blob, first, last)
        next(pieces)  # from here on the file is closed with the pieces, even if nobody asks for one
        return pieces

    def remove(self, name: str) -> None:
        with translated("the bytes cannot be removed"):
            (self._folder / name).unlink(missing_ok=True)

    def sweep(self, kept: Collection[str]) -> None:
        """Remove what writers left that died. `kept` are names that count, so that not all have to be asked for."""
        with translated("it cannot be tidied"):
            for path in self._folder.iterdir():
                if path.name not in kept:
                    self._sweep(path)

    def _sweep(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._remove_unless_kept(path.name)  # its writer may have just finished
        except (BlockingIOError, FileNotFoundError):
            pass  # somebody is writing it; or somebody else has removed it

    @contextmanager
    def _claimed(self, name: str) -> Iterator[FileIO]:
        while True:
            with translated("no file can be made"):
                file = (self._folder / name).open("xb", buffering=0)  # or closing it on a full disk fails again
            with file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file.fileno()).st_nlink:  # else: swept away before it was locked
                    yield file
                    return

    def _copied(self, source: Source, file: FileIO, name: str) -> Blob:
        size, digest = 0, hashlib.sha256()
        for chunk in chunks(source):
            _write(file, chunk)
            digest.update(chunk)
            size += len(chunk)
        os.fsync(file.fileno())
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # its name, too
        finally:
            os.close(folder)
        return Blob(name, size, digest.hexdigest())

    def _give_up(self, name: str) -> None:
        try:
            self._remove_unless_kept(name)
        except (ObjectsFailed, OSError):
            pass  # the next sweep does it; what is told is what went wrong first

    def _remove_unless_kept(self, name: str) -> None:
        if not self._is_kept(name):
            (self._folder / name).unlink(missing_ok=True)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns what the system says into errors of a store, but for a file that is not there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(f"{what}: the disk is full; nothing of it is left") from error
        raise ObjectsFailed(f"{what}: {error}") from error


def _write(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _pieces(file: BinaryIO, blob: Blob, first: int, last: int) -> Iterator[bytes]:
    with file, translated("the bytes cannot be read"):
        yield b""
        file.seek(first)
        left, digest = last - first + 1, hashlib.sha256()
        whole = left == blob.size
        while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
            digest.update(chunk if whole else b"")
            yield chunk
    if left > 0 or (whole and digest.hexdigest() != blob.sha256):
        raise WrongChecksum(f"{blob.name} on disk is not what was written: {left} bytes are missing, or some differ")
