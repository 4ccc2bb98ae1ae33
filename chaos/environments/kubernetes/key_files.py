"""Where the client package puts the keys of a kubeconfig that holds them inline: TLS takes them from files only.

By itself it would put them into the temp dir and remove them when Python ends in good order. A run that is killed, and
one that ends at once, does not; so they lie in a folder of this process, and who comes later removes those of the dead.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import threading
from functools import cache
from pathlib import Path

from chaos.model.home import steadfast_home

_MAKING = threading.Lock()


def key_folder() -> str:
    """A folder for this process, which nobody else may read. Removes those of processes that have ended."""
    with _MAKING:  # several clusters are connected to at once, and each would wait for the others' lock on the folder
        return _made()


@cache
def _made() -> str:
    keys = steadfast_home() / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    for other in keys.iterdir():
        _remove_if_left(other)
    own = keys / str(os.getpid())
    while True:
        own.mkdir(mode=0o700, exist_ok=True)
        # Never closed: it ends with the process, however that ends. Who came in between may have removed the folder.
        if _lock(own) is not None and own.exists():
            break
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return str(own)


def _remove_if_left(folder: Path) -> None:
    held = _lock(folder)
    if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _lock(folder: Path) -> int | None:
    """An open file that says that its process lives; None while another one does, or when the folder is gone."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    return opened
