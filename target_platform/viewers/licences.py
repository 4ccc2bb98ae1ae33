"""Licences to play: fetched through the gateway while the first segment loads, kept by the device while they last."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from msgspec import Struct

from target_platform.viewers.fetch import Answer, RequestFailed

SPARE_SECONDS = 30.0
"""A licence that ends sooner than this is not begun with."""


class Wish(Struct, frozen=True, kw_only=True):
    """The licence that a device asks for; `seat` is what the answer to play gave it, `stored` for one to keep."""

    title: str
    seat: str = ""
    stored: bool = False

    def signed(self, device_key: str, now: Callable[[], float] = time.time) -> dict[str, Any]:
        """What is sent: signed with the device's key, at an epoch second of its own clock."""
        asked_at = int(now())
        proof = hmac.new(device_key.encode(), f"{asked_at} licence {self.title}".encode(), sha256).hexdigest()
        kind = "persistent-license" if self.stored else "temporary"
        return {"title": self.title, "asked_at": asked_at, "proof": proof, "seat": self.seat, "type": kind}


class Licence(Struct, frozen=True):
    """`key` is the content key in base64url; `ends_at` is an epoch second by the device's clock."""

    key: str
    ends_at: float


class Wallet:
    """The licences of one device, by title. A clock that is set back makes none of them last longer."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._clock = now
        self._latest = now()
        self._kept: dict[str, Licence] = {}

    def may_play(self, title: str) -> bool:
        """Whether a kept licence is still good, so that nobody has to be asked."""
        kept = self._kept.get(title)
        return kept is not None and kept.ends_at > self._now() + SPARE_SECONDS

    def keep(self, title: str, answer: Answer) -> None:
        """Raises RequestFailed when the answer is no licence: without a key there is no picture."""
        self._kept[title] = _licence(answer.json(), self._now())

    def _now(self) -> float:
        self._latest = max(self._latest, self._clock())
        return self._latest


def _licence(said: object, now: float) -> Licence:
    """ClearKey's licence format (W3C Encrypted Media Extensions, 9.1.4): a JWK set; and our own times.

    They are by the server's clock, and tell how long it is good, whatever this device's clock says.
    """
    try:
        assert isinstance(said, Mapping)
        lasts_seconds = float(said["expires_at"]) - float(said["issued_at"])
        return Licence(str(said["keys"][0]["k"]), now + lasts_seconds)
    except (AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        raise RequestFailed(f"the answer is no licence: {error!r}") from error
