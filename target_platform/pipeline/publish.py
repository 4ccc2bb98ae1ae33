"""Publishing a title: all files first, the pointer last. Who reads the pointer never meets a file that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import msgspec

from target_platform.media.published import Published, pointer_key, published_prefix
from target_platform.pipeline.errors import PipelineError
from target_platform.pipeline.job import Job, job_key, made_prefix
from target_platform.pipeline.package import DASH, HLS
from target_platform.pipeline.upload import is_there
from target_platform.stores.objects.interface import NotThere, Objects

_AT_ONCE = 8


def published(objects: Objects, title: str) -> Published | None:
    """What is shown under a title now. Raises ObjectsFailed."""
    try:
        return msgspec.json.decode(objects.get(pointer_key(title)), type=Published)
    except NotThere:
        return None


def limit(objects: Objects, shown: Published, territories: tuple[str, ...] | None) -> Published:
    """Limit what is published to other territories, without making it anew; None leaves it as it is.

    Raises ObjectsFailed, and PipelineError when another version is shown by now: the pointer is not turned back to this
    one. What is left is the moment between reading it again and writing it.
    """
    if territories is None or territories == shown.territories:
        return shown
    now = published(objects, shown.title)
    if now is None or now.hls != shown.hls:
        raise PipelineError(f"{shown.title} was published anew meanwhile, and is not limited. Ask again.")
    limited = msgspec.structs.replace(now, territories=territories)
    objects.put(pointer_key(shown.title), msgspec.json.encode(limited))
    return limited


def territories_of(objects: Objects, title: str, wished: tuple[str, ...] | None) -> tuple[str, ...]:
    """Those of a new version: as wished, or else as they are of what is shown now. Raises ObjectsFailed."""
    if wished is not None:
        return wished
    shown = published(objects, title)
    return shown.territories if shown else ()


def publish(objects: Objects, job: Job, key_id: str, folder: Path) -> None:
    """Bring all files under `folder` into the store, then turn the pointer. Raises ObjectsFailed and OSError.

    The version before stays where it is: viewers are in the middle of it. Who was held up until somebody else had done
    all of it leaves the pointer alone, which may show a newer version by now, and takes its own files away.
    """
    # A folder of its own for each time: a packager encrypts with another vector each time, so files of two do not mix.
    prefix = f"{published_prefix(job.title, job.id)}{uuid4().hex[:12]}/"
    _put_all(objects, prefix, folder)
    pointer = _pointer(job, prefix, key_id, sorted(path.stem for path in (folder / "artwork").iterdir()))
    if is_there(objects, job_key(job.id)):
        objects.put(pointer_key(job.title), msgspec.json.encode(pointer))
    else:
        _remove_all(objects, prefix)


def _put_all(objects: Objects, prefix: str, folder: Path) -> None:
    """Several at a time: a film has thousands of files, and a store answers each when it is on disk."""

    def put(path: Path) -> None:
        with path.open("rb") as opened:
            objects.put(f"{prefix}{path.relative_to(folder)}", opened)

    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish")
    try:
        for _ in pool.map(put, sorted(each for each in folder.rglob("*") if each.is_file())):
            pass  # what one of them raises is raised here
    finally:
        pool.shutdown(cancel_futures=True)


def clear(objects: Objects, job: Job) -> None:
    """Remove what was made on the way. What says that there is a job goes last, so it can be done again."""
    _remove_all(objects, made_prefix(job.id))
    objects.delete(job_key(job.id))


def _remove_all(objects: Objects, prefix: str) -> None:
    for each in list(objects.under(prefix)):
        objects.delete(each.key)


def _pointer(job: Job, prefix: str, key_id: str, artwork: Sequence[str]) -> Published:
    return Published(
        title=job.title,
        version=job.id,
        seconds=round(job.master.seconds, 3),
        hls=f"{prefix}{HLS}",
        dash=f"{prefix}{DASH}",
        key_id=key_id,
        thumbnails=f"{prefix}thumbnails.vtt",
        artwork={name: f"{prefix}artwork/{name}.jpg" for name in artwork},
        renditions=job.renditions,
        languages=tuple(dict.fromkeys(each.language for each in job.tracks)),
        subtitles=tuple(each.language for each in job.subtitles),
        territories=job.territories,
    )
