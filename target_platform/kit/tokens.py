"""Signed tokens: anybody who has the key can check one, without asking who issued it.

HMAC and not EdDSA: all who check a token are the platform's own processes. A check costs microseconds in every request,
and nobody has to load a library of public-key cryptography. The price: whoever can check a token could also make one,
so a gateway that is taken over can sign in as anybody.
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Literal

from msgspec import Struct

TokenKind = Literal["session", "renewal", "licence", "seat", "watch", "fill"]


class Signed(Struct, frozen=True):
    """What a token says, whether it has ended or not. `ends_at` is an epoch second."""

    subject: str
    ends_at: int


class Tokens:
    """KIND.USER.END.SIGNATURE: the user in base64, the epoch second of its end, an HMAC-SHA256 (RFC 2104) of all that.

    The kind is signed too: what renews a session for a month must not open doors as a session.
    """

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        self._key = key.encode()
        self._now = now

    def issue(self, user: str, kind: TokenKind, valid_seconds: float) -> str:
        ends_at = int(self._now() + valid_seconds)
        content = f"{kind}.{urlsafe_b64encode(user.encode()).decode().rstrip('=')}.{ends_at}"
        return f"{content}.{self._signature(content)}"

    def user(self, token: str, kind: TokenKind) -> str | None:
        """Whose token it is; None for one that has ended, is of another kind, or that this key did not sign."""
        signed = self.read(token, kind)
        return signed.subject if signed and self._now() < signed.ends_at else None

    def read(self, token: str, kind: TokenKind) -> Signed | None:
        """For who wants to say since when it has ended; None for one of another kind, or that this key did not sign."""
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        signed_kind, user, ends_at = content.split(".")
        if signed_kind != kind:
            return None
        return Signed(urlsafe_b64decode(user + "=" * (-len(user) % 4)).decode(), int(ends_at))

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), sha256).hexdigest()
