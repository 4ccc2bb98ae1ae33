"""Reads the server name out of the first message of a TLS client, without taking part in the handshake.

RFC 8446 sections 4.1.2 and 5.1 (record, handshake and ClientHello are laid out the same since SSL 3), RFC 6066 section
3 (server_name). With an encrypted ClientHello (RFC 9849) the name that is read is the outer, public one.
"""

from __future__ import annotations

from enum import Enum

MOST_BYTES = 64 * 1024
"""A ClientHello of more is not looked at: real ones take up to 2 KiB, the format allows 16 MiB."""

_HANDSHAKE_RECORD, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0
_RECORD_HEADER, _HANDSHAKE_HEADER = 5, 4
_VERSION_AND_RANDOM = 2 + 32


class Unread(Enum):
    """No name can be told."""

    INCOMPLETE = "more bytes are needed"
    NONE = "not TLS, or a client that names no server"


def server_name(data: bytes) -> str | Unread:
    """The name in lower case that a client asks for, from all that it has sent so far."""
    hello = _hello(data)
    if isinstance(hello, Unread):
        return hello
    try:
        return _name_in(hello)
    except (IndexError, UnicodeDecodeError):  # a length that points past the end
        return Unread.NONE


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns is this name, or stands for it as in certificates: `*.example.org`, one label."""
    return any(
        name == pattern or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])
        for pattern in (each.lower() for each in patterns)
    )


def is_pattern(text: str) -> bool:
    """Whether `matches` can mean something by it."""
    name = text.removeprefix("*.")
    return bool(name) and "*" not in name


def _hello(data: bytes) -> bytes | Unread:
    """The body of the ClientHello, put together from the records that it lies in."""
    message, at = b"", 0
    while len(data) - at >= _RECORD_HEADER:
        length = int.from_bytes(data[at + 3 : at + 5])
        if data[at] != _HANDSHAKE_RECORD or data[at + 1] != 3:
            return Unread.NONE
        message += data[at + _RECORD_HEADER : at + _RECORD_HEADER + length]
        at += _RECORD_HEADER + length
        if message and message[0] != _CLIENT_HELLO:
            return Unread.NONE
        size = _HANDSHAKE_HEADER + int.from_bytes(message[1:4])
        if len(message) >= _HANDSHAKE_HEADER and size > MOST_BYTES:
            return Unread.NONE
        if len(message) >= max(size, _HANDSHAKE_HEADER):
            return message[_HANDSHAKE_HEADER:size]
    begins_right = not data or (data[0] == _HANDSHAKE_RECORD and data[1:2] in (b"", b"\x03"))
    return Unread.INCOMPLETE if begins_right and len(data) <= 2 * MOST_BYTES else Unread.NONE


def _name_in(hello: bytes) -> str | Unread:
    at = _VERSION_AND_RANDOM
    at += 1 + hello[at]  # session id
    at += 2 + int.from_bytes(hello[at : at + 2])  # cipher suites
    at += 1 + hello[at]  # compression methods
    end = min(len(hello), at + 2 + int.from_bytes(hello[at : at + 2]))
    at += 2
    while at + 4 <= end:
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _SERVER_NAME:
            return _first_name(hello[at + 4 : at + 4 + length])
        at += 4 + length
    return Unread.NONE


def _first_name(extension: bytes) -> str | Unread:
    """A list of names of which only one type was ever defined, and of that only one may be given."""
    if len(extension) < 5 or extension[2] != _HOST_NAME:
        return Unread.NONE
    length = int.from_bytes(extension[3:5])
    name = extension[5 : 5 + length].decode("ascii").lower()
    return name if name and len(name) == length else Unread.NONE
