"""Signed session tokens: anybody who has the key can check one, without asking who issued it."""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

VALID_SECONDS = 24 * 3600


class Tokens:
    """USER.ISSUED.SIGNATURE with the user in base64 and the signature an HMAC-SHA256 (RFC 2104) of the rest."""

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        self._key = key.encode()
        self._now = now

    def issue(self, user: str) -> str:
        content = f"{urlsafe_b64encode(user.encode()).decode().rstrip('=')}.{int(self._now())}"
        return f"{content}.{self._signature(content)}"

    def user(self, token: str) -> str | None:
        """Whose token it is; None for one that is too old or that this key did not sign."""
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        user, _, issued = content.partition(".")
        if self._now() > int(issued) + VALID_SECONDS:
            return None
        return urlsafe_b64decode(user + "=" * (-len(user) % 4)).decode()

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), sha256).hexdigest()
