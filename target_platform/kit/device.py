"""How a device proves which one it is: it signs what it asks for with a key that it was given when it signed in.

The key follows from account and device by HMAC, so nobody has to store it, and it is told to who has just typed the
password: a session's token alone, wherever it was picked up, is worth no licence. What is signed has a time in it, by
the device's own clock, so that what was once sent is not good for ever; clocks are wrong, so some minutes are allowed.
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from target_platform.kit.claims import Claims


def device_key(secret: str, claims: Claims) -> str:
    """What this device of this account signs with, in base64url."""
    named = f"device {claims.user} {claims.device}".encode()
    return urlsafe_b64encode(hmac.new(secret.encode(), named, sha256).digest()).decode().rstrip("=")


def proof(key: str, what: str, asked_at: int) -> str:
    """The signature of `what`, asked for at an epoch second: HMAC-SHA256 (RFC 2104) under the key's text, in hex."""
    return hmac.new(key.encode(), f"{asked_at} {what}".encode(), sha256).hexdigest()


class Proofs:
    """Checks them. A device's clock may differ from this one by `skew_seconds`; `now` gives epoch seconds."""

    def __init__(self, secret: str, skew_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._skew_seconds = skew_seconds
        self._now = now

    def objection(self, claims: Claims, what: str, asked_at: int, signature: str) -> str:
        """Why this is not that device's wish of just now, in a sentence; empty when it is."""
        if not claims.device:
            return "this session names no device: sign in with one, for what is asked is bound to it"
        expected = proof(device_key(self._secret, claims), what, asked_at)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return f"this was not signed by the device {claims.device}, which the session belongs to"
        ahead_seconds = asked_at - self._now()
        if abs(ahead_seconds) <= self._skew_seconds:
            return ""
        return (
            f"the clock of the device {claims.device} is {spoken(abs(ahead_seconds))} "
            f"{'ahead' if ahead_seconds > 0 else 'behind'}, and up to {spoken(self._skew_seconds)} are allowed: "
            "set it right and ask again"
        )


def spoken(seconds: float) -> str:
    """A length of time as people say it, to the second below an hour, to the minute below a day."""
    whole = round(seconds)
    for unit_seconds, unit, below in ((86_400, "d", 3600), (3600, "h", 60), (60, "min", 1)):
        if whole >= unit_seconds:
            rest = whole % unit_seconds // below
            smaller = {"d": "h", "h": "min", "min": "s"}[unit]
            return f"{whole // unit_seconds} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
