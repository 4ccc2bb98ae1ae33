"""Licences to play: fetched through the gateway while the first segment loads, kept by the device while they last."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from target_platform.viewers.fetch import Answer, RequestFailed

SPARE_SECONDS = 30.0
"""A licence that ends sooner than this is not begun with."""


class Licence(Struct, frozen=True):
    """`key` is the content key in base64url; `ends_at` is an epoch second."""

    key: str
    ends_at: float


class Wallet:
    """The licences of one device, by title."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[str, Licence] = {}

    def may_play(self, title: str) -> bool:
        """Whether a kept licence is still good, so that nobody has to be asked."""
        kept = self._kept.get(title)
        return kept is not None and kept.ends_at > self._now() + SPARE_SECONDS

    def keep(self, title: str, answer: Answer) -> None:
        """Raises RequestFailed when the answer is no licence: without a key there is no picture."""
        self._kept[title] = _licence(answer.json())


def _licence(said: object) -> Licence:
    """ClearKey's licence format (W3C Encrypted Media Extensions, 9.1.4): a JWK set; and our own `expires_at`."""
    try:
        assert isinstance(said, Mapping)
        return Licence(str(said["keys"][0]["k"]), float(said["expires_at"]))
    except (AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        raise RequestFailed(f"the answer is no licence: {error!r}") from error
