"""Fills the small file system of an instance's data directory, and makes room again.

Nothing is ever written to a directory that is no file system of its own: it is compared with the one above it before
each act, since a mount may have gone meanwhile.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.model.capabilities import Means
from chaos.model.errors import ActionFailed

MARK = ".steadfast-"
LARGEST_BYTES = 2**30
"""A larger file system is nobody's small one, and filling a tmpfs takes memory."""

_BLOCK = 4096


def refusal(directory: str) -> str:
    """Why this data directory must not be filled; empty when it may."""
    if not directory:
        return "the launcher was not told where it keeps its data (data_dir)"
    try:
        own = os.stat(directory).st_dev != os.stat(os.path.dirname(os.path.realpath(directory))).st_dev
        held = os.statvfs(directory)
    except OSError as error:
        return f"its data directory {directory} cannot be used: {error.strerror}"
    if not own:
        return f"its data directory {directory} is no file system of its own (data_limit_bytes makes it one)"
    size = held.f_blocks * held.f_frsize
    if size > LARGEST_BYTES:
        return f"the file system of {directory} has {size} bytes, and no more than {LARGEST_BYTES} are ever filled"
    return "" if os.access(directory, os.W_OK) else f"its data directory {directory} cannot be written"


def means(directory: str, name: str) -> Means:
    """Which file will take the room, and on which device it must be."""
    why = refusal(directory)
    if why:
        raise ActionFailed(why, "docs/explanation/faults.md says what is needed", took_effect="no")
    file = MARK + "".join(each if each.isalnum() or each in "-." else "_" for each in name)
    return {"directory": directory, "file": file, "device": os.stat(directory).st_dev}


def fill(means: Means) -> None:
    """Write until nothing more goes in."""
    with _opened(means) as folder:
        if folder is None:
            raise ActionFailed(f"{means['directory']} is no longer the file system that it was", took_effect="no")
        file = os.open(str(means["file"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600, dir_fd=folder)
        try:
            for size in (2**20, _BLOCK, 1):
                while _written(file, bytes(size)):
                    pass
        finally:
            os.close(file)


def empty(means: Means) -> None:
    with _opened(means) as folder:
        if folder is not None:
            _remove(str(means["file"]), folder)


def room_bytes(means: Means) -> int | None:
    """0 when not one block can be written; else what the file system says it has left."""
    with _opened(means) as folder:
        if folder is None:
            return None
        name = f"{means['file']}.look"
        try:
            file = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return 0
            raise
        try:
            full = not _written(file, bytes(_BLOCK))
        finally:
            os.close(file)
            _remove(name, folder)
        held = os.fstatvfs(folder)
        return 0 if full else max(_BLOCK, held.f_bavail * held.f_frsize)


@contextmanager
def _opened(means: Means) -> Iterator[int | None]:
    """The directory as a descriptor, None when it is gone or on another device. Raises ActionFailed."""
    try:
        folder = os.open(str(means["directory"]), os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield folder if os.fstat(folder).st_dev == means["device"] else None
    except OSError as error:
        raise ActionFailed(f"{means['directory']} cannot be used: {error.strerror}") from error
    finally:
        os.close(folder)


def _written(file: int, data: bytes) -> bool:
    try:
        return os.write(file, data) > 0
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return False
        raise


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
