"""Reading a journal back: whole, cut anywhere, damaged, from the future, and while it grows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chaos.journal.read import Follow, open_injections, read, read_open_injections, stream
from chaos.journal.write import JournalWriter
from chaos.model.errors import BadInput
from chaos.model.events import Event, Injecting, NotInjected, Reverted, RevertFailed, StepBegan
from chaos.model.experiment import PluginUse
from chaos.model.fault import Lease, Undo
from tests.unit.reports.synthetic import Synthetic

EVENTS = Synthetic(method_seconds=32, per_second=4).journal()
LINES = [msgspec.json.encode(event) for event in EVENTS]


def injecting(name: str, at: float = 1.0) -> Injecting:
    undo = Undo("edge-1", Lease("run", name, 9.0), {"ratio": -1.5e-07, "text": 'é "quoted" \\ \n', "none": None})
    return Injecting(at=at, injection=name, step="s", fault=PluginUse(kind="kill"), undo=undo)


def reverted(name: str) -> Reverted:
    return Reverted(at=2.0, injection=name, by="run", evidence="gone")


def test_a_whole_journal_is_read_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with JournalWriter(path) as writer:
        writer.record(*EVENTS)
    assert list(read(path)) == EVENTS
    assert list(stream(path)) == EVENTS


def test_cut_at_any_byte_the_journal_is_what_was_whole_by_then(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = [msgspec.json.encode(event) for event in (injecting("1"), reverted("1"), injecting("2"))]
    text = b"".join(line + b"\n" for line in lines)
    for cut in range(len(text) + 1):
        path.write_bytes(text[:cut])
        complete = [
            line for index, line in enumerate(lines) if cut >= sum(len(item) + 1 for item in lines[:index]) + len(line)
        ]
        assert [msgspec.json.encode(event) for event in read(path)] == complete


@given(some.data())
def test_a_line_cut_anywhere_and_followed_by_others_is_left_out(data: some.DataObject) -> None:
    """Another process appends after a crash: whatever stands before its newline was never acted upon."""
    line = data.draw(some.sampled_from([*LINES, msgspec.json.encode(injecting("1"))]))
    cut = data.draw(some.integers(min_value=0, max_value=len(line) - 1))
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join([LINES[0], line[:cut], LINES[1], b""]))
        file.flush()
        assert list(read(Path(file.name))) == EVENTS[:2]


def test_damage_in_the_middle_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"\n".join([LINES[0], LINES[1].replace(b":", b";", 1), LINES[2], b""]))
    with pytest.raises(BadInput, match="line 2"):
        read(path)


def test_an_event_of_a_newer_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(LINES[0] + b'\n{"event":"quarantined","at":1.0}\n')
    with pytest.raises(BadInput, match="does not know the event 'quarantined'") as raised:
        read(path)
    assert "newer version" in raised.value.hint


def test_an_event_that_has_another_shape_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(LINES[0] + b'\n{"event":"run ended","at":"noon","by":"run"}\n')
    with pytest.raises(BadInput, match=r"line 2.*'run ended'.*\$\.at"):
        read(path)


def test_a_missing_journal_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read(tmp_path / "journal.jsonl")


def test_open_injections_are_newest_first_and_end_with_their_revert() -> None:
    first, second, third = injecting("1"), injecting("2"), injecting("3")
    assert open_injections([first, second, third, reverted("2")]) == (third, first)
    assert open_injections([first, second, reverted("1"), reverted("2")]) == ()


def test_an_injection_that_certainly_changed_nothing_is_not_open() -> None:
    nothing = NotInjected(at=1.0, step="s", target="edge-1", message="no such process", injection="1")
    assert open_injections([injecting("1"), nothing]) == ()


def test_a_failed_revert_leaves_or_makes_an_injection_open() -> None:
    failed = RevertFailed(at=3.0, injection="1", by="run", message="still there")
    assert open_injections([injecting("1"), failed]) == (injecting("1"),)
    assert open_injections([injecting("1"), reverted("1"), failed]) == (injecting("1"),)
    assert open_injections([injecting("1"), failed, reverted("1")]) == ()


def test_looking_for_open_injections_alone_finds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for count in range(len(EVENTS) + 1):
        if count < len(EVENTS) and not isinstance(EVENTS[count], Injecting | Reverted):
            continue
        path.write_bytes(b"".join(line + b"\n" for line in LINES[:count]) + b'{"event":"injecting","at":')
        assert read_open_injections(path) == open_injections(EVENTS[:count])


def test_following_a_journal_returns_each_event_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    follow = Follow(path)
    assert follow.poll() == ()
    seen: list[Event] = []
    text = b"".join(line + b"\n" for line in LINES[:6])
    for start in range(0, len(text), 97):
        with path.open("ab") as file:
            file.write(text[start : start + 97])
        seen += follow.poll()
    assert seen == EVENTS[:6]
    assert follow.poll() == ()


def test_an_empty_line_between_two_writers_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"event":"step began","at":1.0,"step":"a"}\n\n{"event":"step began","at":1.0,"step":"b"}\n')
    assert read(path) == (StepBegan(at=1.0, step="a"), StepBegan(at=1.0, step="b"))
