"""A worker's own disk: sources that were fetched, and a folder for the task in hand. Nothing on it must be kept."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from target_platform.pipeline.errors import DiskFull, WorkFailed
from target_platform.pipeline.job import File
from target_platform.stores.objects.interface import Objects


class Scratch:
    """Several workers may share the folder. Opening it removes what killed ones have left."""

    def __init__(self, folder: Path) -> None:
        folder = folder.absolute()  # the tools are run in other folders
        self._sources = folder / "sources"
        self._sources.mkdir(parents=True, exist_ok=True)
        _remove_dead(folder)
        self._own = Path(tempfile.mkdtemp(prefix="worker-", dir=folder))
        self._lock = (self._own / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        self._lock.close()
        shutil.rmtree(self._own, ignore_errors=True)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """An empty folder for one task. Raises DiskFull and WorkFailed for what the disk refuses inside."""
        folder = Path(tempfile.mkdtemp(prefix="task-", dir=self._own))
        try:
            yield folder
        except OSError as error:
            raise _translated(error, folder) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def source(self, objects: Objects, file: File) -> Path:
        """A file from the store, fetched at first use. Raises ObjectsFailed and WorkFailed."""
        path = self._sources / f"{file.sha256}{file.suffix}"
        if not path.exists():
            with self.room() as folder:
                fetched = folder / path.name
                if fetch(objects, file.key, fetched) != file.sha256:
                    raise WorkFailed(f"{file.key} is not what its name says; the store has damaged it.")
                os.replace(fetched, path)
        return path


def fetch(objects: Objects, key: str, target: Path) -> str:
    """Write an object to a file; returns its SHA-256. Raises ObjectsFailed and OSError."""
    digest = hashlib.sha256()
    with target.open("wb") as opened:
        for piece in objects.read(key):
            digest.update(piece)
            opened.write(piece)
    return digest.hexdigest()


def _translated(error: OSError, folder: Path) -> WorkFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"The disk of {folder.parent.parent} is full. Make room, or name another folder as scratch.")
    return WorkFailed(f"{folder.parent.parent} cannot be used: {error.strerror or error}.")


def _remove_dead(folder: Path) -> None:
    """The kernel lets go of a lock when its holder dies, however it dies."""
    for left in folder.glob("worker-*"):
        try:
            with (left / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            pass  # alive, or just being made or removed by another one
