"""Gives an instance's data directory a file system of its own with a fixed size, so that it can be full.

It is a tmpfs: what is written there lives in memory, survives the death of every process, and is gone when the system
is taken down. Mounting takes the right to do so (root, or CAP_SYS_ADMIN).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from target_platform.launcher.folder import Folder

MNT_DETACH = 2


def bound(directory: Path, limit_bytes: int, folder: Folder) -> str:
    """Mount it if it is not mounted yet; an empty string, or why that cannot be done."""
    if str(directory) in _mounted(folder):
        return ""
    if not directory.is_absolute():
        return f"data_dir must be an absolute path, not {str(directory)!r}"
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        return f"{directory} is not empty, and a mount would hide what is in it"
    options = f"size={limit_bytes},mode=700".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(_source(folder).encode(), os.fsencode(directory), b"tmpfs", 0, options) != 0:
        return f"a file system cannot be mounted on {directory}: {os.strerror(ctypes.get_errno())}"
    return ""


def unbind_all(folder: Folder) -> None:
    """Unmount all that was mounted for this folder, with the data in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    for directory in list(_mounted(folder)):
        libc.umount2(os.fsencode(directory), MNT_DETACH)


def _mounted(folder: Folder) -> Iterator[str]:
    """Directories whose mount carries the name of this folder."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, directory, *_ = line.split(" ")
        if _unescaped(source) == _source(folder):
            yield _unescaped(directory)


def _source(folder: Folder) -> str:
    return f"steadfast:{folder.home}"


def _unescaped(text: str) -> str:
    """/proc/self/mounts writes blanks and backslashes as octal numbers (fstab(5))."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")
