"""The cache: media is encoded once, appears whole or not at all, and two at a time do not disturb each other."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from target_platform.media.errors import MediaError
from target_platform.media.ffmpeg import encode
from target_platform.media.ladder import Ladder, shipped_ladder


def prepare(cache_dir: Path, ladder: Ladder | None = None) -> Path:
    """The folder with master.m3u8 and its rungs, encoded at first use (about ten seconds).

    Safe to call from several processes: one encodes, the others wait for it. Raises MediaError.
    """
    ladder = ladder or shipped_ladder()
    finished = cache_dir / f"media-{ladder.key}"
    if finished.is_dir():
        return finished
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(cache_dir / f"media-{ladder.key}.lock"):
            if not finished.is_dir():
                _build(ladder, finished)
    except OSError as error:
        raise MediaError(f"The media cache {cache_dir} cannot be written: {error.strerror or error}.") from error
    return finished


def _build(ladder: Ladder, finished: Path) -> None:
    """Encode into a folder of another name and rename it: the final name only ever stands for a whole one."""
    unfinished = f".{finished.name}."
    for left_over in finished.parent.glob(f"{unfinished}*"):  # of one that was killed; we hold the lock
        shutil.rmtree(left_over, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix=unfinished, dir=finished.parent))
    try:
        encode(ladder, building)
        building.chmod(0o755)
        os.rename(building, finished)
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the kernel lets go of it when the holder dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
