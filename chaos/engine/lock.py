"""One run at a time on an environment."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from chaos.model.errors import Refused


class EnvironmentLock:
    """An flock on a file named after the environment; it goes when its last holder dies.

    The guardian inherits the descriptor, so that no new run starts on an environment before the
    guardian of a killed one has reverted everything. `release` lets go for all holders at once.
    """

    def __init__(self, folder: Path, lock_key: str) -> None:
        self._path = folder / f"{hashlib.sha256(lock_key.encode()).hexdigest()[:16]}.lock"
        self._descriptor = -1

    def acquire(self, run: str, left_open: Callable[[str], bool]) -> None:
        """Take it for a run.

        `left_open(run)` says whether an earlier run still has open injections.
        Raises Refused when another run holds it, or when the last one left something broken.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        holder = _read(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Refused(
                f"another run is under way on this environment: {holder.get('run', 'unknown')} "
                f"(process {holder.get('pid', 'unknown')})",
                "wait for it, or end it with `chaos abort`",
            ) from None
        last = str(holder.get("run", ""))
        if last and left_open(last):
            os.close(descriptor)
            raise Refused(
                f"run {last} left something broken on this environment", f"revert it first: chaos rollback {last}"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"run": run, "pid": os.getpid()}).encode(), 0)
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1


class EnvironmentLocks:
    """Those of all parts of an environment, taken in one order, so that two runs never wait for each other."""

    def __init__(self, folder: Path, lock_keys: Iterable[str]) -> None:
        self._locks = [EnvironmentLock(folder, key) for key in sorted(set(lock_keys))]

    def acquire(self, run: str, left_open: Callable[[str], bool]) -> None:
        """All of them, or none. Raises Refused as one does."""
        try:
            for lock in self._locks:
                lock.acquire(run, left_open)
        except BaseException:
            self.release()
            raise

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(lock.descriptor for lock in self._locks)

    def release(self) -> None:
        for lock in self._locks:
            lock.release()


def _read(descriptor: int) -> dict[str, object]:
    try:
        loaded = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
