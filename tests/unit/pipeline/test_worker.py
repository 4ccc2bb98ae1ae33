"""What a worker says to the queue, and when; what it does is put in its hand here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from target_platform.media.published import Rendition, pointer_key
from target_platform.pipeline import publish
from target_platform.pipeline import worker as module
from target_platform.pipeline.errors import PipelineError, WorkFailed
from target_platform.pipeline.job import File, Job, Task, job_key, made_key
from target_platform.pipeline.master import Master
from target_platform.pipeline.scratch import Scratch
from target_platform.pipeline.tasks import Bench
from target_platform.pipeline.worker import Worker, enqueue
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.queue.interface import Terms
from target_platform.stores.queue.sqlite import SqliteQueue

TERMS = Terms(lease_seconds=600.0, attempts=2, first_pause_seconds=0.0, longest_pause_seconds=0.0)
JOB = Job(
    id="a1",
    run="b2",
    title="the-film",
    profile="small",
    source=File(sha256="0" * 64, suffix=".mp4"),
    master=Master(frames=96, rate="24", width=320, height=240),
    segment_frames=24,
    chunk_segments=2,
    renditions=(Rendition(name="h264-240", codec="h264", width=320, height=240, kbps=200),),
    tracks=(),
)


class Shop:
    """A store and a queue whose clock stands still unless it is set."""

    def __init__(self, folder: Path) -> None:
        self.time = 1000.0
        self.objects = DiskObjects(folder / "objects")
        self.queue = SqliteQueue(folder / "queue.sqlite", TERMS, lambda: self.time)
        self.scratch = Scratch(folder / "scratch")
        self.performed: list[str] = []
        self.meanwhile: Callable[[Task], None] = lambda task: None
        self.objects.put(job_key(JOB.id), msgspec.json.encode(JOB))
        for task in JOB.tasks():
            enqueue(self.queue, JOB, task)

    def worker(self, acknowledge: str = "stored") -> Worker:
        bench = Bench(objects=self.objects, scratch=self.scratch, licence_secret="a secret")
        return Worker(bench, self.queue, TERMS, acknowledge)

    def perform(self, bench: Bench, job: Job, task: Task) -> None:
        self.performed.append(str(task))
        self.meanwhile(task)
        if task.kind != "package":
            self.objects.put(made_key(task), b"made")

    def close(self) -> None:
        self.scratch.close()
        self.queue.close()
        self.objects.close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    made = Shop(tmp_path)
    monkeypatch.setattr(module, "perform", made.perform)
    yield made
    made.close()


def test_the_title_is_packaged_once_after_everything_else(shop: Shop) -> None:
    one, other = shop.worker(), shop.worker()
    while one.work_once() or other.work_once():
        pass
    assert sorted(shop.performed[:-1]) == ["chunk 0 of h264-240", "chunk 1 of h264-240", "images"]
    assert shop.performed[-1] == "package"
    assert shop.queue.counts().open == 0


def test_nothing_is_done_before_it_is_stored(shop: Shop) -> None:
    done_while_at_work: list[int] = []
    shop.meanwhile = lambda task: done_while_at_work.append(shop.queue.counts().done)
    assert shop.worker().work_once()
    assert done_while_at_work == [0]
    assert shop.queue.counts().done == 1


def test_the_weakness_says_done_before_it_is_stored(shop: Shop) -> None:
    done_while_at_work: list[int] = []
    shop.meanwhile = lambda task: done_while_at_work.append(shop.queue.counts().done)
    assert shop.worker("at-once").work_once()
    assert done_while_at_work == [1]


def test_who_is_held_up_beyond_the_lease_is_overtaken_and_nothing_is_made_of_it(shop: Shop) -> None:
    def hold_up(task: Task) -> None:
        if len(shop.performed) == 1:
            shop.time += TERMS.lease_seconds + 1
            while other.work_once():
                pass

    other = shop.worker()
    shop.meanwhile = hold_up
    assert shop.worker().work_once()
    assert shop.performed.count("images") == 2
    assert shop.performed.count("package") == 1
    assert shop.queue.dead() == ()
    assert shop.queue.counts().open == 0


def test_a_failure_is_told_and_tried_again_and_its_last_reason_is_kept(shop: Shop) -> None:
    def fail(task: Task) -> None:
        raise WorkFailed(f"failed in attempt {shop.performed.count(str(task))}")

    shop.meanwhile = fail
    while shop.worker().work_once():
        pass
    assert {dead.reason for dead in shop.queue.dead()} == {"failed in attempt 2"}
    assert len(shop.queue.dead()) == len(JOB.tasks())
    assert "package" not in shop.performed


def test_what_comes_in_after_the_title_is_published_is_thrown_away(shop: Shop) -> None:
    shop.meanwhile = lambda task: publish.clear(shop.objects, JOB)
    assert shop.worker().work_once()
    assert list(shop.objects.under("jobs/")) == []
    assert shop.worker().work_once(), "and a task that comes again finds nothing to do"
    assert len(shop.performed) == 1


def test_who_was_held_up_until_the_job_was_over_leaves_the_pointer_alone(shop: Shop, tmp_path: Path) -> None:
    objects: Objects = shop.objects
    (tmp_path / "title" / "artwork").mkdir(parents=True)
    (tmp_path / "title" / "manifest.mpd").write_text("<MPD/>")
    publish.publish(objects, JOB, "00", tmp_path / "title")
    shown = publish.published(objects, JOB.title)
    assert shown is not None
    assert objects.get(shown.dash) == b"<MPD/>"
    newer = msgspec.structs.replace(shown, version="newer")
    objects.put(pointer_key("the-film"), msgspec.json.encode(newer))
    publish.clear(objects, JOB)
    publish.publish(objects, JOB, "00", tmp_path / "title")
    assert publish.published(objects, JOB.title) == newer


def test_who_was_held_up_changes_no_byte_of_what_is_shown_and_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    """A packager encrypts with another vector each time: a file of his beside those of another would not decode."""
    objects, folder = shop.objects, tmp_path / "title"
    (folder / "artwork").mkdir(parents=True)
    (folder / "manifest.mpd").write_text("the first's")
    publish.publish(objects, JOB, "00", folder)
    publish.clear(objects, JOB)
    before = {each.key: objects.get(each.key) for each in objects.under()}
    (folder / "manifest.mpd").write_text("the one's who was held up")
    publish.publish(objects, JOB, "00", folder)
    assert {each.key: objects.get(each.key) for each in objects.under()} == before


def test_a_published_title_is_limited_to_other_territories_without_being_made_anew(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "title" / "artwork").mkdir(parents=True)
    publish.publish(shop.objects, JOB, "00", tmp_path / "title")
    shown = publish.published(shop.objects, JOB.title)
    assert shown is not None
    assert shown.territories == ()
    limited = publish.limit(shop.objects, shown, ("us-east-1",))
    assert publish.published(shop.objects, JOB.title) == limited
    assert (limited.version, limited.hls, limited.territories) == (shown.version, shown.hls, ("us-east-1",))
    assert publish.limit(shop.objects, limited, None) == limited, "who says nothing of territories lifts no limit"
    assert publish.territories_of(shop.objects, JOB.title, None) == ("us-east-1",), "nor with another master"
    assert publish.territories_of(shop.objects, JOB.title, ()) == ()
    assert publish.territories_of(shop.objects, "another", None) == ()
    assert publish.limit(shop.objects, limited, ()) == shown


def test_a_limit_for_a_version_that_is_not_shown_any_more_is_refused_and_turns_nothing_back(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "title" / "artwork").mkdir(parents=True)
    publish.publish(shop.objects, JOB, "00", tmp_path / "title")
    old = publish.published(shop.objects, JOB.title)
    assert old is not None
    publish.publish(shop.objects, JOB, "00", tmp_path / "title")
    newer = publish.published(shop.objects, JOB.title)
    with pytest.raises(PipelineError, match="published anew meanwhile"):
        publish.limit(shop.objects, old, ("us-east-1",))
    assert publish.published(shop.objects, JOB.title) == newer
