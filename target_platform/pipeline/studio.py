"""A studio that hands in one master after the other, and looks whether each becomes a title that is whole.

It is what an experiment on the pipeline asks: `GET /` answers 503 once a segment was lost or doubled.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from target_platform.media.ffmpeg import find_binary
from target_platform.media.published import Published, pointer_key
from target_platform.pipeline.errors import PipelineError
from target_platform.pipeline.ingest import Wish, ingest
from target_platform.pipeline.job import Job
from target_platform.pipeline.places import Open
from target_platform.pipeline.publish import published
from target_platform.pipeline.tasks import read_job
from target_platform.stores.objects.interface import Objects

IDLE_SECONDS = 10.0
"""So long a queue may have nothing to do while a title is not there: what is missing then is in nobody's hands."""
LATE_SECONDS = 90.0
_LOOK_SECONDS = 0.05


class Studio:
    """`sleep` and `now` are in seconds."""

    def __init__(
        self,
        places: Open,
        master: Path,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places = places
        self._master = master
        self._now = now
        self._sleep = sleep
        self._run = uuid.uuid4().hex[:8]
        self.whole = 0
        self.faults: list[str] = []

    def tell(self) -> tuple[bool, Mapping[str, object]]:
        """Well is who has a whole title, and never had one that is not."""
        return not self.faults and self.whole > 0, {"whole": self.whole, "faults": self.faults[-5:]}

    def make_one(self) -> None:
        """Hand the master in under a new title, wait for it, look at it, throw it away."""
        title = f"trial-{self._run}-{self.whole + len(self.faults)}"
        try:
            job = ingest(
                self._places.objects, self._places.queue, Wish(path=self._master, title=title, segment_seconds=1.0)
            )
            assert isinstance(job, Job), "a new title cannot be published already"
            fault = next(missing(self._places.objects, job, self._published(job)), "")
        except PipelineError as error:
            fault = str(error)
        if fault:
            self.faults.append(f"{title}: {fault}")
        else:
            self.whole += 1
            self._places.objects.delete(pointer_key(title))
            for each in list(self._places.objects.under(f"titles/{title}/")):
                self._places.objects.delete(each.key)

    def _published(self, job: Job) -> Published:
        """Raises PipelineError when it never will be."""
        began = idle_since = self._now()
        while True:
            shown = published(self._places.objects, job.title)
            if shown is not None and read_job(self._places.objects, job.id) is None:
                return shown
            now = self._now()
            idle_since = now if self._places.queue.counts().open else idle_since
            if now - idle_since > IDLE_SECONDS:
                raise PipelineError("nothing is left to be done, and it is not published: what was done is not there")
            if now - began > LATE_SECONDS:
                raise PipelineError(f"it is not published after {LATE_SECONDS:g} s")
            self._sleep(_LOOK_SECONDS)


def missing(objects: Objects, job: Job, shown: Published) -> Iterator[str]:
    """What is wrong with a published title: every segment of every picture track has to be there once."""
    folder = shown.hls.rpartition("/")[0]
    wanted = [f"{number:05d}.m4s" for number in range(1, job.segments + 1)]
    for rendition in job.renditions:
        prefix = f"{folder}/video/{rendition.name}/"
        found = [each.key.removeprefix(prefix) for each in objects.under(prefix) if each.key.endswith(".m4s")]
        playlist = objects.get(f"{folder}/video/{rendition.name}.m3u8").decode().splitlines()
        listed = [line.rpartition("/")[2] for line in playlist if line.endswith(".m4s")]
        if found != wanted or listed != wanted:
            yield f"{rendition.name} has {len(found)} segments and lists {len(listed)}, instead of {len(wanted)}"


def make_trial_master(path: Path) -> None:
    """Six seconds of a test picture with a tone: small, and still several tasks."""
    picture, sound = "testsrc2=size=320x180:rate=24:duration=6", "sine=sample_rate=48000:duration=6"
    words = ["-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run([find_binary("ffmpeg"), *words], check=True)
