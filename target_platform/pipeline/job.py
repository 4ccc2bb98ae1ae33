"""The job: all that is to be made of one master, decided once, and written down where every worker reads it.

A task makes one object, under a key that follows from the task alone. So it can be done twice, by two at the same time,
or again after a death, and nothing is lost or doubled; and whether all is there is a question to the store.
"""

from __future__ import annotations

import hashlib
import re

import msgspec
from msgspec import Struct

from target_platform.media.published import Rendition
from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.master import Master
from target_platform.pipeline.split import Chunk, chunks, segments

PIPELINE_VERSION = 1
"""Raise it when the same master is to be made anew: it is part of every job's id."""

_TITLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class File(Struct, frozen=True, kw_only=True):
    """Something that was handed in, as it lies in the store: `masters/SHA256.SUFFIX`."""

    sha256: str
    suffix: str

    @property
    def key(self) -> str:
        return f"masters/{self.sha256}{self.suffix}"


class Track(Struct, frozen=True, kw_only=True):
    """One sound track, in one encoding. `source` is the master or the dubbed track that was handed in."""

    name: str
    sound: str
    language: str
    source: File
    dub: bool


class Subtitles(Struct, frozen=True, kw_only=True):
    language: str
    source: File


class Task(Struct, frozen=True, kw_only=True):
    """What a worker takes. `kind` is chunk, sound, images or package; `name` a rendition's or a track's."""

    job: str
    kind: str
    name: str = ""
    number: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.number} of {self.name}" if self.kind == "chunk" else f"{self.kind} {self.name}".strip()
        )


class Job(Struct, frozen=True, kw_only=True):
    """`run` tells apart jobs of one id: after it was published and is asked for again, its tasks are new ones."""

    id: str
    run: str
    title: str
    profile: str
    source: File
    master: Master
    segment_frames: int
    chunk_segments: int
    renditions: tuple[Rendition, ...]
    tracks: tuple[Track, ...]
    subtitles: tuple[Subtitles, ...] = ()
    territories: tuple[str, ...] = ()

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        return chunks(self.master.frames, self.segment_frames, self.chunk_segments)

    @property
    def segments(self) -> int:
        return segments(self.master.frames, self.segment_frames)

    @property
    def segment_seconds(self) -> float:
        return float(self.segment_frames / self.master.frames_per_second)

    def tasks(self) -> tuple[Task, ...]:
        """Everything but the packaging. What takes longest comes first, so that workers end at about the same time."""
        whole = [Task(job=self.id, kind="sound", name=track.name) for track in self.tracks]
        whole.append(Task(job=self.id, kind="images"))
        by_size = sorted(self.renditions, key=lambda each: -each.height)
        return (
            *whole,
            *(
                Task(job=self.id, kind="chunk", name=each.name, number=chunk.number)
                for each in by_size
                for chunk in self.chunks
            ),
        )

    def task_id(self, task: Task) -> str:
        """The name of a task in the queue."""
        return f"{self.run}.{task.kind}.{task.name}.{task.number}"


def job_key(job_id: str) -> str:
    return f"jobs/{job_id}/job.json"


def made_prefix(job_id: str) -> str:
    return f"jobs/{job_id}/made/"


def made_key(task: Task) -> str:
    """Where the result of a task lies until it is published."""
    return f"{made_prefix(task.job)}{task.kind}/{task.name or 'all'}/{task.number:05d}"


def job_id(*decides: object) -> str:
    """Follows from all that decides the result: the same wish is the same job."""
    return hashlib.sha256(msgspec.json.encode([PIPELINE_VERSION, *decides])).hexdigest()[:16]


def checked_territories(territories: tuple[str, ...]) -> tuple[str, ...]:
    """Raises Rejected for what is no name of one: a limit that nobody meant must not look like one."""
    for each in territories:
        if not _TITLE.fullmatch(each):
            raise Rejected(f"{each!r} is no territory: lower-case letters and digits, joined by single hyphens.")
    return territories


def checked_title(title: str) -> str:
    """Raises Rejected for what cannot be part of an address."""
    if not _TITLE.fullmatch(title) or len(title) > 100:
        raise Rejected(f"{title!r} is no title's id: lower-case letters and digits, joined by single hyphens.")
    return title
