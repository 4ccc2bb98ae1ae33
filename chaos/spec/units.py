"""Quantities as people write them. A field's name says its unit in code: delay_ms is `delay: 250ms` in YAML.

Parsers take the text and return the number in the field's unit, or raise ValueError with a sentence that says what
is wrong and what is allowed. A number without its unit is an error: nobody can see whether `delay: 30` is long.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from msgspec import Struct

_MS_OF = {"us": 0.001, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3, "d": 86400e3}
_PER_SECOND_OF = {"s": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600}
_BYTES_OF = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NUMBER = r"\d{1,15}(?:\.\d{1,15})?"
_LONGEST_MS = 30 * _MS_OF["d"]
"""A longer time is a slip of the keyboard, and far larger ones overflow the operating system's clocks."""


class Unit(Struct, frozen=True):
    """How one kind of quantity is read and written. `words` completes the sentence "expected ..."."""

    words: str
    example: str
    parse: Callable[[str], float]
    write: Callable[[float], str]


def milliseconds(text: str) -> float:
    """`250ms`, `30s`, `2m`, `1h30m`, `0` -> milliseconds."""
    parts = re.findall(rf"({_NUMBER})(us|ms|s|m|h|d)", text)
    if parts and "".join(number + unit for number, unit in parts) == text.replace(" ", ""):
        total = round(sum(float(number) * _MS_OF[unit] for number, unit in parts), 6)
        if total > _LONGEST_MS:
            raise ValueError(f'"{text}" is longer than 30 days')
        return total
    if re.fullmatch(r"0+(\.0+)?", text):
        return 0.0
    if re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text} has no unit: write {text}ms, {text}s or {text}m")
    clock = re.fullmatch(r"(\d+):(\d\d)", text)
    if clock:
        raise ValueError(f'"{text}" is not a duration: write {clock[1]}m{clock[2]}s or {clock[1]}h{clock[2]}m')
    raise ValueError(f'"{text}" is not a duration: write a number and one of us, ms, s, m, h, d, e.g. 250ms or 1m30s')


def seconds(text: str) -> float:
    """`30s` -> 30.0; see `milliseconds`."""
    return milliseconds(text) / 1000


def share(text: str) -> float:
    """`99.9%` or `0.999` -> 0.999. A bare whole number is refused: 1 may be meant as 1 % or as all."""
    percent = re.fullmatch(rf"({_NUMBER})\s*%", text)
    if percent:
        value = float(f"{percent[1]}e-2")  # the nearest float to 0.999; 99.9 / 100 is its neighbour
    elif re.fullmatch(r"0|\d{1,15}\.\d{1,15}", text):
        value = float(text)
    elif re.fullmatch(r"\d{1,15}", text):
        raise ValueError(f"{text} has no unit: write {text}% or a share such as 0.{text}")
    else:
        raise ValueError(f'"{text}" is not a share: write 99.9% or 0.999')
    if value > 1:
        raise ValueError(f'"{text}" is more than all: a share is 0% to 100%')
    return value


def per_second(text: str) -> float:
    """`50/s`, `3000/m`, `10/h` -> a second."""
    rate = re.fullmatch(rf"({_NUMBER})\s*/\s*(s|m|min|h)", text)
    if rate:
        return round(float(rate[1]) * _PER_SECOND_OF[rate[2]], 12)
    if re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text} has no unit: write {text}/s or {text}/m")
    raise ValueError(f'"{text}" is not a rate: write 50/s, 3000/m or 10/h')


def size(text: str) -> float:
    """`64KiB`, `1.5MB`, `512B` -> bytes."""
    amount = re.fullmatch(rf"({_NUMBER})\s*({'|'.join(_BYTES_OF)})", text)
    if amount:
        return float(round(float(amount[1]) * _BYTES_OF[amount[2]]))
    if re.fullmatch(r"0+", text):
        return 0.0
    if re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text} has no unit: write {text}B or {text}KiB")
    raise ValueError(f'"{text}" is not a size: write a number and one of {", ".join(_BYTES_OF)}, e.g. 64KiB')


def transfer_rate(text: str) -> float:
    """`64KiB/s`, `1.5MB/s` -> bytes a second."""
    amount = re.fullmatch(rf"({_NUMBER}\s*(?:{'|'.join(_BYTES_OF)}))\s*/\s*s", text)
    if amount:
        return size(amount[1])
    if re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text} has no unit: write {text}B/s or {text}KiB/s")
    raise ValueError(f'"{text}" is not a transfer rate: write a size a second, e.g. 64KiB/s')


def number(text: str) -> float:
    """A plain decimal number of YAML 1.2. Raises ValueError, also for what YAML 1.1 would have read otherwise."""
    if re.fullmatch(r"[-+]?0\d+", text):
        raise ValueError(f"{text} is octal to YAML 1.1 and decimal to YAML 1.2: write it without the leading 0")
    if re.fullmatch(r"[-+]?\d[\d_]*_[\d_]*", text):
        raise ValueError(f"{text} is text to YAML 1.2: write {text.replace('_', '')}")
    if not re.fullmatch(r"[-+]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][-+]?\d{1,3})?", text):
        raise ValueError(f'"{text}" is not a number')
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def plain(value: float) -> str:
    """A number as short as it can be written without loss; whole ones without `.0`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def write_milliseconds(value: float) -> str:
    for unit in ("h", "m", "s"):
        scaled = value / _MS_OF[unit]
        if value and scaled >= 1 and round(scaled, 3) * _MS_OF[unit] == value:
            return plain(scaled) + unit
    return plain(value) + "ms"


MILLISECONDS = Unit("a duration", "250ms", milliseconds, write_milliseconds)
SECONDS = Unit("a duration", "30s", seconds, lambda value: write_milliseconds(round(value * 1000, 6)))
SHARE = Unit("a share", "99.9%", share, lambda value: plain(round(value * 100, 10)) + "%")
PER_SECOND = Unit("a rate", "50/s", per_second, lambda value: plain(value) + "/s")
BYTES = Unit("a size", "64KiB", size, lambda value: plain(value) + "B")
BYTES_PER_SECOND = Unit("a transfer rate", "64KiB/s", transfer_rate, lambda value: plain(value) + "B/s")
NUMBER = Unit("a number", "5", number, plain)

_SUFFIXES = {
    "_bytes_per_second": BYTES_PER_SECOND,
    "_per_second": PER_SECOND,
    "_seconds": SECONDS,
    "_ms": MILLISECONDS,
    "_share": SHARE,
    "_bytes": BYTES,
}
_WHOLE_NAMES = {"seconds": SECONDS, "share": SHARE, "quantile": SHARE, "confidence": SHARE, "bytes": BYTES}
"""Names that say their unit without a suffix; a quantile is written `95%`."""


def spelling(field: str) -> tuple[str, Unit | None]:
    """A field's name in YAML and its unit: min_samples -> minSamples, every_seconds -> every, a duration."""
    if field in _WHOLE_NAMES:
        return field, _WHOLE_NAMES[field]
    for suffix, unit in _SUFFIXES.items():
        if field.endswith(suffix):
            return _camel(field.removesuffix(suffix)), unit
    return _camel(field), None


def _camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
