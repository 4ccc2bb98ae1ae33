"""Taking a master in: is it fit, what is to be made of it, and putting the tasks into the queue.

Whatever is refused is refused here, before anything of it is stored. Asking for the same again continues: the upload
where it stopped, the job with what is missing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from target_platform.media.published import Published
from target_platform.pipeline.complexity import measure
from target_platform.pipeline.errors import DiskFull, Rejected, ToolHung, WorkFailed
from target_platform.pipeline.job import (
    File,
    Job,
    Subtitles,
    Track,
    checked_territories,
    checked_title,
    job_id,
    job_key,
)
from target_platform.pipeline.ladder import ladder
from target_platform.pipeline.master import Master, inspect, look
from target_platform.pipeline.profile import Profile, Shipped, shipped
from target_platform.pipeline.publish import limit, published, territories_of
from target_platform.pipeline.split import frames_a_segment
from target_platform.pipeline.subtitles import check_language, check_subtitles
from target_platform.pipeline.tasks import read_job
from target_platform.pipeline.upload import identify, upload
from target_platform.pipeline.worker import enqueue
from target_platform.stores.objects.interface import AlreadyThere, Objects
from target_platform.stores.queue.interface import Queue

_DIFFERENT_SECONDS = 2.0


class Side(Struct, frozen=True, kw_only=True):
    """What comes beside the master in one language: subtitles, or a dubbed sound track."""

    language: str
    path: Path


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants made of a master. `language` is that of its own sound; `sha256` what they say they sent.

    `segment_seconds` is used instead of the profile's, unless it is 0. `territories` are those in which it may be
    watched; empty means all, and None as it is: without a limit for what was never published.
    """

    path: Path
    title: str
    profile: str = "small"
    language: str = "en"
    subtitles: tuple[Side, ...] = ()
    dubs: tuple[Side, ...] = ()
    sha256: str = ""
    segment_seconds: float = 0.0
    territories: tuple[str, ...] | None = None


class _Sources(Struct, frozen=True, kw_only=True):
    """The same as files of the store, in the order of the wish."""

    master: File
    subtitles: tuple[File, ...]
    dubs: tuple[File, ...]

    def by_path(self, wish: Wish) -> list[tuple[Path, File]]:
        paths = [wish.path, *(each.path for each in (*wish.subtitles, *wish.dubs))]
        return list(zip(paths, (self.master, *self.subtitles, *self.dubs), strict=True))


def ingest(objects: Objects, queue: Queue, wish: Wish) -> Job | Published:
    """Check, store, decide and hand to the workers; or say that all of it is published already.

    Raises Rejected, WorkFailed, ObjectsFailed, QueueFailed.
    """
    profile = _profile(wish)
    checked_title(wish.title)
    checked_territories(wish.territories or ())
    master = inspect(wish.path, shipped().limits)
    _check_sides(wish, master)
    sources = _identified(wish)
    languages = [each.language for each in (*wish.subtitles, *wish.dubs)]
    id = job_id(wish.title, profile, sources, wish.language, languages)
    job = read_job(objects, id)
    if job is None:
        shown = published(objects, wish.title)
        if shown is not None and shown.version == id:
            return limit(objects, shown, wish.territories)
        wish = structs.replace(wish, territories=territories_of(objects, wish.title, wish.territories))
        wanted = _decided(id, wish, sources, master, profile)
        for path, file in sources.by_path(wish):
            upload(objects, path, file)
        job = _written_down(objects, wanted)
    if wish.territories not in (None, job.territories):
        where = ", ".join(job.territories) or "everywhere"
        raise Rejected(f"{wish.title} is in the works for other territories ({where}). Ask again when it is published.")
    for task in job.tasks():
        enqueue(queue, job, task)
    for dead in queue.dead():
        if dead.id.startswith(f"{job.run}."):
            queue.revive(dead.id)
    return job


def _profile(wish: Wish) -> Profile:
    profile = shipped().profile(wish.profile)
    if not wish.segment_seconds:
        return profile
    if not 0.5 <= wish.segment_seconds <= 30:
        raise Rejected(f"Segments of {wish.segment_seconds:g} s are no good: 0.5 to 30 are taken.")
    return structs.replace(profile, segment_seconds=wish.segment_seconds)


def _check_sides(wish: Wish, master: Master) -> None:
    check_language(wish.language)
    for sides in (wish.subtitles, (Side(language=wish.language, path=wish.path), *wish.dubs)):
        languages = [check_language(each.language) for each in sides]
        twice = next((each for each in languages if languages.count(each) > 1), None)
        if twice:
            raise Rejected(f"There are two tracks of the same kind in {twice!r}.")
    for side in wish.subtitles:
        check_subtitles(side.path, master.seconds)
    for side in wish.dubs:
        _check_dub(side.path, master.seconds)


def _check_dub(path: Path, seconds: float) -> None:
    found = look(path)
    if not any(each.codec_type == "audio" for each in found.streams):
        raise Rejected(f"The dubbed track {path.name} has no sound.")
    length = float(found.format.duration)
    if abs(length - seconds) > _DIFFERENT_SECONDS:
        raise Rejected(f"The dubbed track {path.name} is {length:.1f} s long, the master {seconds:.1f} s.")


def _identified(wish: Wish) -> _Sources:
    return _Sources(
        master=identify(wish.path, wish.sha256),
        subtitles=tuple(identify(each.path) for each in wish.subtitles),
        dubs=tuple(identify(each.path) for each in wish.dubs),
    )


def _decided(id: str, wish: Wish, sources: _Sources, master: Master, profile: Profile) -> Job:
    facts = shipped()
    return Job(
        id=id,
        run=uuid.uuid4().hex,
        title=wish.title,
        profile=wish.profile,
        source=sources.master,
        master=master,
        segment_frames=frames_a_segment(master.frames_per_second, profile.segment_seconds),
        chunk_segments=profile.chunk_segments,
        renditions=ladder(master, _measured(wish.path, master), profile, facts.codecs),
        tracks=_tracks(wish, sources, profile, facts),
        subtitles=tuple(
            Subtitles(language=each.language, source=file)
            for each, file in zip(wish.subtitles, sources.subtitles, strict=True)
        ),
        territories=wish.territories or (),
    )


def _measured(path: Path, master: Master) -> float:
    """Raises Rejected when samples cannot be decoded: then nor can the rest."""
    try:
        return measure(path, master)
    except (DiskFull, ToolHung):
        raise
    except WorkFailed as error:
        raise Rejected(f"The pictures of {path.name} cannot be decoded. {error}") from error


def _tracks(wish: Wish, sources: _Sources, profile: Profile, facts: Shipped) -> tuple[Track, ...]:
    """The master's own sound in every encoding; dubs in those that have them."""
    spoken = [(wish.language, sources.master), *zip((each.language for each in wish.dubs), sources.dubs, strict=True)]
    return tuple(
        Track(name=f"{sound}-{language}", sound=sound, language=language, source=file, dub=file is not sources.master)
        for sound in profile.sounds
        for language, file in spoken
        if file is sources.master or facts.sounds[sound].dubs
    )


def _written_down(objects: Objects, job: Job) -> Job:
    """Of two who decide at the same time one does, and both go on with that."""
    try:
        objects.put(job_key(job.id), msgspec.json.encode(job), if_absent=True)
    except AlreadyThere:
        return read_job(objects, job.id) or job
    return job


def parse_sides(texts: Sequence[str]) -> tuple[Side, ...]:
    """From LANGUAGE=FILE. Raises Rejected."""
    sides = []
    for text in texts:
        language, equals, path = text.partition("=")
        if not equals or not path:
            raise Rejected(f"{text!r} is not LANGUAGE=FILE; de=subtitles.vtt would be.")
        sides.append(Side(language=language, path=Path(path).absolute()))
    return tuple(sides)
