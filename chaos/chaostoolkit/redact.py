"""No secret leaves the process: not in the journal, not in a report, not on the terminal."""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.parse
from collections.abc import Iterable
from typing import IO, Any

import msgspec

from chaos.chaostoolkit.values import Values
from chaos.model.events import Event, Recorder

HIDDEN = "***"
_SHORT = 3
"""A secret of up to so many letters is only hidden where it stands as a word: every "a" would be hidden otherwise."""

_WORDS_OF_OURS = frozenset(
    {
        "event",
        "type",
        "kind",
        "active",
        "phase",
        "operator",
        "window",
        "outcome",
        "severity",
        "measures",
        "signal",
        "by",
    }
)
"""Fields that hold one word of a few: a secret that happens to be such a word is not told by them."""


class Redactor:
    """Hides the secrets in texts, in the ways in which they come to stand in messages: as they are, quoted for a URL,
    as JSON and Python write them, in base64 (also within something longer), and line by line."""

    def __init__(self, values: Values) -> None:
        written: set[str] = set()
        for secret in _texts(values.secrets):
            written |= _ways_to_write(secret)
        longest_first = sorted(written, key=lambda text: (-len(text), text))
        pattern = "|".join(_pattern(text) for text in longest_first)
        self._pattern = re.compile(pattern) if pattern else None

    def text(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def data(self, value: Any) -> Any:
        """The same for every text in JSON data, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return HIDDEN if self.text(str(value)) == HIDDEN else value
        return value

    def event(self, event: Event) -> Event:
        """The event as it may be written down. Names of fields and kinds of events stay, also when one is a secret."""
        if self._pattern is None:
            return event
        return msgspec.convert(self._built(msgspec.to_builtins(event)), type(event))

    def _built(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: item if key in _WORDS_OF_OURS else self._built(item) for key, item in value.items()}
        return [self._built(item) for item in value] if isinstance(value, list) else value


class RedactedRecorder:
    """A Recorder whose every event has its secrets hidden."""

    def __init__(self, inner: Recorder, redactor: Redactor) -> None:
        self._inner = inner
        self._redactor = redactor

    def record(self, *events: Event, durable: bool = False) -> None:
        self._inner.record(*(self._redactor.event(event) for event in events), durable=durable)


class RedactedStream:
    """A text stream that hides secrets in what controls print and what tracebacks say."""

    def __init__(self, inner: IO[str], redactor: Redactor) -> None:
        self._inner = inner
        self._redactor = redactor

    def write(self, text: str) -> int:
        self._inner.write(self._redactor.text(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def redact_terminal(redactor: Redactor) -> None:
    """From now on, to the end of the process: its own last words may hold a secret too."""
    sys.stdout = RedactedStream(sys.stdout, redactor)
    sys.stderr = RedactedStream(sys.stderr, redactor)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif value is not None and not isinstance(value, bool) and str(value).strip():
        yield str(value)


def _ways_to_write(secret: str) -> set[str]:
    lines = [line for line in secret.splitlines() if len(line.strip()) > _SHORT]
    ways = {secret, secret.strip()}
    for text in {secret, secret.strip(), *(line.strip() for line in lines if len(lines) > 1)}:
        as_bytes = text.encode(errors="replace")
        ways |= {
            text,
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            repr(text)[1:-1],
            urllib.parse.quote(text, safe=""),
            urllib.parse.quote(text),
            urllib.parse.quote_plus(text),
            *_in_base64(as_bytes),
        }
    return {way for way in ways if way}


def _in_base64(secret: bytes) -> set[str]:
    """What of it is the same whatever stands around it: a password is mostly seen as base64 of "user:password"."""
    found = {base64.b64encode(secret).decode().rstrip("=")}
    for before, spoilt in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        whole = encoded[spoilt : len(encoded) - (1 if (before + len(secret)) % 3 else 0)]
        found |= {whole} if len(whole) > 2 * _SHORT else set()
    return found | {each.replace("+", "-").replace("/", "_") for each in found}


def _pattern(text: str) -> str:
    escaped = re.escape(text)
    return rf"(?<!\w){escaped}(?!\w)" if len(text) <= _SHORT else escaped
