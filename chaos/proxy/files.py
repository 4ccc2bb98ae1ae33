"""Proxies in files: the configuration a process starts from, and the state it keeps so as to go on after it died."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from chaos.model.errors import BadInput
from chaos.proxy.address import BadAddress, listening
from chaos.proxy.body import ApiError
from chaos.proxy.proxy_request import Wanted, read_proxies


def load_config(path: Path) -> list[Wanted]:
    """Toxiproxy's array of proxies, or {"proxies": [...]}. Raises BadInput naming the file and what is wrong."""
    try:
        return _read(path)
    except OSError as error:
        raise BadInput(f"cannot read the configuration {path}: {error.strerror}") from error


def load_state(path: Path) -> list[Wanted] | None:
    """What was kept, without toxics whose time has come since; None where nothing was. Raises BadInput."""
    try:
        return _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"cannot read the state {path}: {error.strerror}") from error


def keep_state(path: Path, shapes: list[dict[str, object]]) -> None:
    """Replaced by rename once it is on the disk: whoever reads it finds the old state or the new one, whole.

    Raises OSError.
    """
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(shapes)))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _read(path: Path) -> list[Wanted]:
    try:
        value = msgspec.json.decode(path.read_bytes())
        found = value.get("proxies") if isinstance(value, dict) else value
        wanted = read_proxies(_without_expired(found, time.time()))
        for each in wanted:
            listening(each.listen)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ApiError, BadAddress) as error:
        text = str(error).removeprefix("bad request body: ")
        raise BadInput(f"{path} does not hold proxies: {text}", "it is a list, as `GET /proxies` shows each") from error
    return wanted


def _without_expired(value: object, now: float) -> object:
    """Times to end are kept as absolute ones: what ended while nobody ran must not come back."""
    for proxy in value if isinstance(value, list) else []:
        if isinstance(proxy, dict) and isinstance(proxy.get("toxics"), list):
            proxy["toxics"] = [toxic for toxic in proxy["toxics"] if not _is_over(toxic, now)]
    return value


def _is_over(toxic: object, now: float) -> bool:
    ends = toxic.get("expires_at") if isinstance(toxic, dict) else None
    return isinstance(ends, int | float) and ends <= now
