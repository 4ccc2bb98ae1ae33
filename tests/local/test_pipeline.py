"""The media pipeline as a whole: two workers, one of them killed, and what a player gets."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from target_platform.media.ffmpeg import find_binary
from target_platform.pipeline import encode, tool
from target_platform.pipeline.ingest import Wish, ingest
from target_platform.pipeline.places import Open, opened
from target_platform.pipeline.publish import published
from target_platform.pipeline.scratch import Scratch
from target_platform.pipeline.tasks import Bench
from target_platform.pipeline.worker import Worker
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.queue.interface import Terms
from tests.local.pipeline_trial import (
    children,
    decoded,
    encoder_of,
    ingesting,
    is_running,
    make_master,
    make_sides,
    result,
    segments,
)
from tests.small_disk import small_disk

pytestmark = pytest.mark.slow
SECONDS, RATE = 5, 24
PATIENCE_SECONDS = 120.0
QUICK = Terms(lease_seconds=60.0, attempts=2, first_pause_seconds=0.0, longest_pause_seconds=0.0)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_master(tmp_path_factory.mktemp("master") / "master.mp4", SECONDS)


def test_a_title_is_published_whole_though_a_worker_is_killed_in_the_middle_of_a_segment(
    master: Path, tmp_path: Path
) -> None:
    sides = make_sides(tmp_path, SECONDS)
    words = ["--segment-seconds=1", "--workers=2", "--lease-seconds=3", *sides]
    process = ingesting(master, tmp_path / "store", *words)
    try:
        worker, encoder = caught_encoding(process)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not is_running(encoder))
        title = result(process)
    finally:
        process.kill()
        process.communicate()
    objects = DiskObjects(tmp_path / "store" / "objects")
    try:
        check_published(objects, tmp_path)
        again = result(ingesting(master, tmp_path / "store", *words))
    finally:
        objects.close()
    assert again == title, "what is published is not made again"


def check_published(objects: Objects, folder: Path) -> None:
    title = published(objects, "the-film")
    assert title is not None
    assert (title.languages, title.subtitles) == (("en", "de"), ("en", "de"))
    for rendition in title.renditions:
        names = [key.rpartition("/")[2] for key in segments(objects, title, f"video/{rendition.name}")]
        assert names == [f"{number:05d}.m4s" for number in range(1, SECONDS + 1)]
        assert decoded(objects, title, f"video/{rendition.name}", folder) == list(range(SECONDS * RATE))
    for language in title.languages:
        assert len(segments(objects, title, f"audio/aac-{language}")) == SECONDS
    assert b"Guten Tag" in b"".join(objects.get(key) for key in segments(objects, title, "text/de"))
    hls, dash = objects.get(title.hls).decode(), objects.get(title.dash).decode()
    assert 'LANGUAGE="de"' in hls
    assert 'type="static"' in dash
    assert title.key_id in dash.replace("-", "")
    assert {"landscape", "poster", "square"} == set(title.artwork)
    for key in (title.thumbnails, *title.artwork.values()):
        assert objects.head(key).size > 0
    assert list(objects.under("jobs/")) == [], "what was made on the way is cleared away"


def caught_encoding(process: subprocess.Popen[str]) -> tuple[int, int]:
    """A worker and its encoder, which is stopped, so that it is certainly in the middle."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for worker in children(process.pid):
            encoder = encoder_of(worker)
            if encoder is not None:
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(encoder, signal.SIGSTOP)
                if encoder_of(worker) == encoder:
                    return worker, encoder
        time.sleep(0.002)
    pytest.fail(f"no worker was seen encoding: {process.communicate()}")


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Open]:
    with opened(str(tmp_path / "store"), terms=QUICK) as made:
        yield made


def test_an_encoder_that_hangs_is_ended_and_its_task_is_done_the_next_time(
    master: Path, tmp_path: Path, places: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(places.objects, places.queue, Wish(path=master, title="the-film"))
    hanging = tmp_path / "hangs"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    tools, deadlines = iter([str(hanging)]), iter([0.2])
    monkeypatch.setattr(tool, "find_binary", lambda name: next(tools, None) or find_binary(name))
    monkeypatch.setattr(encode, "deadline_seconds", lambda frames, master: next(deadlines, 300.0))
    with working(places, tmp_path / "scratch") as worker:
        assert worker.work_once()
        assert places.queue.counts().done == 0
        while worker.work_once():
            pass
    assert places.queue.dead() == ()
    assert published(places.objects, "the-film") is not None


def test_a_disk_that_is_full_is_told_and_nothing_is_half_published(master: Path, tmp_path: Path, places: Open) -> None:
    wish = Wish(path=master, title="the-film")
    ingest(places.objects, places.queue, wish)
    with small_disk(tmp_path / "small", master.stat().st_size + 32 * 1024) as scratch:
        with working(places, scratch) as worker:
            while worker.work_once():
                pass
        assert list((scratch / "sources").iterdir()), "the master fits"
    reasons = [dead.reason for dead in places.queue.dead()]
    assert any("The disk became full while ffmpeg was writing" in each for each in reasons), reasons
    assert [*places.objects.under("titles/"), *places.objects.under("current/")] == []
    ingest(places.objects, places.queue, wish)
    with working(places, tmp_path / "scratch") as worker:
        while worker.work_once():
            pass
    assert published(places.objects, "the-film") is not None, "the same wish goes on with what is missing"


@contextmanager
def working(places: Open, scratch_folder: Path) -> Iterator[Worker]:
    scratch = Scratch(scratch_folder)
    try:
        yield Worker(Bench(objects=places.objects, scratch=scratch, licence_secret="a secret"), places.queue, QUICK)
    finally:
        scratch.close()
