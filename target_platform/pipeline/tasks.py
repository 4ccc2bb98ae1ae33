"""Doing one task: fetch what it needs, make one object, put it under its key."""

from __future__ import annotations

import tarfile
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform.media.published import Rendition
from target_platform.pipeline import package, publish
from target_platform.pipeline.encode import Picture, encode_chunk, encode_sound
from target_platform.pipeline.images import make_images
from target_platform.pipeline.job import Job, Task, job_key, made_key, made_prefix
from target_platform.pipeline.profile import shipped
from target_platform.pipeline.scratch import Scratch, fetch
from target_platform.pipeline.upload import is_there
from target_platform.stores.objects.interface import NotThere, Objects


class Bench(Struct, frozen=True, kw_only=True):
    """What a worker has at hand."""

    objects: Objects
    scratch: Scratch
    licence_secret: str


def read_job(objects: Objects, id: str) -> Job | None:
    """None when there is no such job: it is published, and was cleared away. Raises ObjectsFailed."""
    try:
        return msgspec.json.decode(objects.get(job_key(id)), type=Job)
    except NotThere:
        return None


def perform(bench: Bench, job: Job, task: Task) -> None:
    """Do a task, unless its result is there already. Raises WorkFailed, ObjectsFailed."""
    if task.kind == "package":
        _package(bench, job)
        return
    if is_there(bench.objects, made_key(task)):
        return
    with bench.scratch.room() as folder:
        made = _make(bench, job, task, folder)
        with made.open("rb") as opened:
            bench.objects.put(made_key(task), opened)


def all_made(objects: Objects, job: Job) -> bool:
    there = {each.key for each in objects.under(made_prefix(job.id))}
    return all(made_key(task) in there for task in job.tasks())


def _make(bench: Bench, job: Job, task: Task, folder: Path) -> Path:
    made = folder / "made.mp4"
    if task.kind == "sound":
        track = next(each for each in job.tracks if each.name == task.name)
        source = bench.scratch.source(bench.objects, track.source)
        encode_sound(source, job.master, shipped().sounds[track.sound], track, made)
        return made
    source = bench.scratch.source(bench.objects, job.source)
    if task.kind == "images":
        return _images(job, source, folder)
    rendition = next(each for each in job.renditions if each.name == task.name)
    codec = shipped().codecs[rendition.codec]
    picture = Picture(rendition=rendition, codec=codec, segment_frames=job.segment_frames)
    encode_chunk(source, job.master, job.chunks[task.number], picture, made)
    return made


def _images(job: Job, source: Path, folder: Path) -> Path:
    (folder / "images").mkdir()
    make_images(source, job.master, shipped().thumbnails, shipped().artwork, folder / "images")
    with tarfile.open(folder / "images.tar", "w") as archive:
        archive.add(folder / "images", arcname=".")
    return folder / "images.tar"


def _package(bench: Bench, job: Job) -> None:
    """Done twice, it puts the same under the same keys; done after it was done, it only clears up."""
    shown = publish.published(bench.objects, job.title)
    if shown is None or shown.version != job.id:
        with bench.scratch.room() as folder:
            _gather(bench, job, folder)
            title = package.package(job, bench.licence_secret, folder)
            with tarfile.open(folder / "images.tar") as archive:
                # As the filter of that name, where there is one: the Python of Debian 12 has none yet (3.11.2).
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(title)
            publish.publish(bench.objects, job, package.key_id(job.title, bench.licence_secret), title)
    publish.clear(bench.objects, job)


def _gather(bench: Bench, job: Job, folder: Path) -> None:
    """All tracks as whole files."""
    for track in job.tracks:
        fetch(bench.objects, made_key(Task(job=job.id, kind="sound", name=track.name)), folder / f"{track.name}.mp4")
    for subtitles in job.subtitles:
        fetch(bench.objects, subtitles.source.key, folder / f"{subtitles.language}.vtt")
    fetch(bench.objects, made_key(Task(job=job.id, kind="images")), folder / "images.tar")
    for rendition in job.renditions:
        _join(bench, job, rendition, folder)


def _join(bench: Bench, job: Job, rendition: Rendition, folder: Path) -> None:
    pieces = []
    for chunk in job.chunks:
        pieces.append(folder / f"{rendition.name}.{chunk.number:05d}.mp4")
        task = Task(job=job.id, kind="chunk", name=rendition.name, number=chunk.number)
        fetch(bench.objects, made_key(task), pieces[-1])
    seconds = [float(each.frames / job.master.frames_per_second) for each in job.chunks]
    package.join(pieces, seconds, folder / f"{rendition.name}.mp4")
    for piece in pieces:
        piece.unlink()
