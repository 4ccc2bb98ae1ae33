"""The journal survives crashes, several writers and full disks, and says so when it cannot."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.journal.read import read
from chaos.journal.write import JournalWriter
from chaos.model.errors import ChaosError
from chaos.model.events import Event, PhaseBegan, StepBegan, StepEnded


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that were synced, in order."""
    seen: list[int] = []
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        real(descriptor)
        seen.append(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    return seen


def step(name: str) -> StepBegan:
    return StepBegan(at=1.0, step=name)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_is_written_is_read_back(journal: Path) -> None:
    written: list[Event] = [
        PhaseBegan(at=1.0, phase="baseline"),
        step("é\n\u2028"),
        StepEnded(at=2.5, step="b", failure="no"),
    ]
    with JournalWriter(journal) as writer:
        writer.record(written[0])
        writer.record(*written[1:], durable=True)
    assert list(read(journal)) == written


def test_a_durable_record_returns_only_after_a_sync(journal: Path, syncs: list[int]) -> None:
    with JournalWriter(journal) as writer:
        writer.record(step("a"))
        assert syncs == []
        writer.record(step("b"), step("c"), durable=True)
        assert len(syncs) == 1


def test_records_that_arrive_during_a_sync_share_the_next_one(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, syncs = os.fdatasync, list[int]()

    def slow_at_first(descriptor: int) -> None:
        syncs.append(descriptor)
        while journal.read_bytes().count(b"\n") < 24:
            time.sleep(0.001)  # a disk that takes as long as all others need to write
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow_at_first)
    with JournalWriter(journal) as writer:
        in_threads(24, lambda number: writer.record(step(str(number)), durable=True))
    assert len(read(journal)) == 24
    assert len(syncs) <= 2


def test_after_a_failed_sync_nothing_is_believed_to_be_on_disk(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel reports a lost page once; a second fsync that succeeds proves nothing."""
    answers = [OSError(5, "Input/output error"), None]

    def failing_once(_: int) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setattr(os, "fdatasync", failing_once)
    with JournalWriter(journal) as writer:
        for _ in range(2):
            with pytest.raises(ChaosError, match="Input/output error"):
                writer.record(step("a"), durable=True)


def test_a_line_torn_by_a_crash_is_not_continued(journal: Path) -> None:
    with JournalWriter(journal) as writer:
        writer.record(step("whole"))
    with journal.open("ab") as file:
        file.write(b'{"event":"step began","at":2.0,"st')
    with JournalWriter(journal) as writer:
        writer.record(step("after the crash"))
    assert read(journal) == (step("whole"), step("after the crash"))


def test_a_line_torn_while_another_writer_has_the_file_open_is_not_continued(journal: Path) -> None:
    with JournalWriter(journal) as guardian:
        with journal.open("ab") as run:
            run.write(b'{"event":"injecting","at":2.0')
        guardian.record(step("rolling back"))
    assert read(journal) == (step("rolling back"),)


def _append_many(path: Path, name: str) -> None:
    with JournalWriter(path) as writer:
        for number in range(200):
            writer.record(StepBegan(at=float(number), step=name * 300), StepEnded(at=float(number), step=name))


def test_several_processes_append_without_tearing_each_other(journal: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(journal, name)) for name in "abc"]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    events = read(journal)
    assert len(events) == 3 * 400
    for name in "abc":
        own = [event.at for event in events if isinstance(event, StepEnded) and event.step == name]
        assert own == [float(number) for number in range(200)]


def test_a_full_disk_is_a_sentence() -> None:
    with JournalWriter(Path("/dev/full")) as writer, pytest.raises(ChaosError, match="No space left") as raised:
        writer.record(step("a"))
    assert "nothing is injected" in raised.value.hint


def test_a_disk_that_fills_up_within_a_line_is_an_error_and_leaves_a_readable_journal(journal: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JournalWriter(journal) as writer:
        writer.record(step("whole"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 20, before[1]))
        try:
            with pytest.raises(ChaosError):
                writer.record(step("does not fit"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert read(journal) == (step("whole"),)
        writer.record(step("space again"))
    assert read(journal) == (step("whole"), step("space again"))


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ChaosError, match="No such file"):
        JournalWriter(tmp_path / "nowhere" / "journal.jsonl")
