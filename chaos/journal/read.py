"""Reading a journal back, whole or as it grows.

A line that a crash cut short is JSON that stops before its end. It means that the act it was to
announce never began, because whoever writes acts only after the write has returned; so it is left
out, wherever it stands (another process may have appended after it). Any other line that cannot be
read is damage, and an error that names the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import msgspec

from chaos.model.errors import BadInput
from chaos.model.events import Event, Injecting, Judged, NotInjected, Reverted, RevertFailed, RunStarted
from chaos.model.verdict import Verdict

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_JUDGED = b'{"event":"judged"'
_CONCERNS_INJECTIONS = tuple(b'{"event":"' + tag for tag in (b"injecting", b"not injected", b"revert"))


def read(path: Path) -> tuple[Event, ...]:
    """All events. Raises BadInput for a journal that is missing, damaged, or from a newer version."""
    return tuple(stream(path))


def stream(path: Path) -> Iterator[Event]:
    """The events one after the other, for callers that keep only some. Errors as `read`."""
    for number, line, last in _numbered(path):
        event = _decode(line, path, number, last)
        if event is not None:
            yield event


def read_start(path: Path) -> RunStarted | None:
    """The first line alone, for looking at many runs; None where it is torn. Errors as `read`."""
    first = next(stream(path), None)
    return first if isinstance(first, RunStarted) else None


def read_verdict(path: Path) -> Verdict | None:
    """The last verdict that the journal itself holds, without decoding the rest; None without one. Errors as `read`."""
    lines = [item for item in _numbered(path) if item[1].startswith(_JUDGED)][-1:]
    decoded = [_decode(line, path, number, last) for number, line, last in lines]
    return next((event.verdict for event in decoded if isinstance(event, Judged)), None)


def read_open_injections(path: Path) -> tuple[Injecting, ...]:
    """The same as open_injections(read(path)) without decoding the samples: for looking at many runs."""
    lines = (item for item in _numbered(path) if item[1].startswith(_CONCERNS_INJECTIONS))
    decoded = (_decode(line, path, number, last) for number, line, last in lines)
    return open_injections(event for event in decoded if event is not None)


def open_injections(events: Iterable[Event]) -> tuple[Injecting, ...]:
    """What has to be rolled back, newest first.

    An injection is open from its `injecting` on, until a `not injected` or a `reverted` says
    otherwise; a `revert failed` after that opens it again, since reverting twice does no harm.
    """
    begun: dict[str, Injecting] = {}
    closed: set[str] = set()
    for event in events:
        if isinstance(event, Injecting):
            begun[event.injection] = event
        elif isinstance(event, NotInjected | Reverted):
            closed.add(event.injection)
        elif isinstance(event, RevertFailed):
            closed.discard(event.injection)
    return tuple(event for injection, event in reversed(begun.items()) if injection not in closed)


class Follow:
    """Reads a journal while it is being written: each `poll` returns what has been added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._line = 0
        self._rest = b""

    def poll(self) -> tuple[Event, ...]:
        """The events of all lines completed since the last poll; none if the file does not exist yet."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return ()
        self._offset += len(added)
        *complete, self._rest = (self._rest + added).split(b"\n")
        events = []
        for line in complete:
            self._line += 1
            event = _decode(line, self._path, self._line, last=False)
            if event is not None:
                events.append(event)
        return tuple(events)


def _numbered(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Line number (from 1), line, and whether it is an unfinished last one."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip(b"\n"), not line.endswith(b"\n")
    except OSError as error:
        raise BadInput(f"cannot read the journal {path}: {error.strerror}", "`chaos report` lists the runs") from error


def _decode(line: bytes, path: Path, number: int, last: bool) -> Event | None:
    """None for an empty line (two writers closed the same torn one) and for one that a crash cut short."""
    if not line:
        return None
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError as error:  # ValidationError is one too
        if last or _cut_short(line, error):
            return None
        raise _unreadable(line, path, number, error) from error


def _cut_short(line: bytes, error: msgspec.DecodeError) -> bool:
    """Whether JSON ended before its end; a number that ends in "-", "." or "e" is reported as an invalid one."""
    return "truncated" in str(error) or ("invalid number" in str(error) and line[-1:] in b"-+.eE")


class _Tagged(msgspec.Struct):
    event: str


def _unreadable(line: bytes, path: Path, number: int, error: msgspec.DecodeError) -> BadInput:
    where = f"{path}, line {number}"
    try:
        tag = msgspec.json.decode(line, type=_Tagged).event
    except msgspec.DecodeError:
        return BadInput(f"{where}: {error}", "the file is damaged: everything before this line can still be read")
    if tag not in {kind.__struct_config__.tag for kind in get_args(Event)}:
        return BadInput(
            f"{where}: this version does not know the event {tag!r}",
            "the journal was written by a newer version of steadfast: read it with that one",
        )
    return BadInput(
        f"{where}: {tag!r} is not as this version writes it: {error}", "its first line says which version wrote it"
    )
