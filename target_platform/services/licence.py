"""Licences: the key of a title, for who has a session, in ClearKey's format (W3C Encrypted Media Extensions, 9.1).

The key of a title is derived from one secret that all licence servers share, so there is no store that could be lost,
and any instance in any region can serve any viewer. `expires_at` and `signature` are additions, which ClearKey ignores.

Each server signs with a device of its own that keeps the secret and does one thing at a time: a pause stands in for it.
So a server has a capacity, and a queue in front of it: a short one, whose last one is still served in time.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import blake2b, sha256

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit import deadline
from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.client import SHED
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens

KEY_BYTES = 16

SIGNING_WAIT_MS = 1000.0
"""How long a licence may wait to be signed if the caller does not say."""


class Wanted(Struct, frozen=True):
    """`session` is a session's token."""

    title: str
    session: str


class Key(Struct, frozen=True):
    """A JSON Web Key (RFC 7517) as ClearKey reads it: 128 bits each, in base64url without padding."""

    kid: str
    k: str
    kty: str = "oct"


class Licence(Struct, frozen=True):
    """Good until `expires_at` (epoch seconds). `signature` is a token that says for whom and for which title."""

    keys: tuple[Key, ...]
    expires_at: int
    signature: str
    region: str
    type: str = "temporary"


def routes(instance: Instance) -> Sequence[Route]:
    return [Route("/licence", Licences(instance).licence, methods=["POST"])]


class Licences:
    """`now` gives epoch seconds."""

    def __init__(self, instance: Instance, now: Callable[[], float] = time.time) -> None:
        self._secret = instance.config.settings["licence_secret"]
        self._tokens = Tokens(instance.config.settings["session_key"])
        self._signed = Tokens(self._secret, now)
        self._policy = instance.policies.licences
        self._device = Bulkhead(self._policy.signing, "licence>signing")
        instance.metrics.watch_waiting("signing", lambda: self._device.waiting)
        self._region = instance.config.region
        self._now = now

    async def licence(self, request: Request) -> Response:
        wanted = await read_body(request, Wanted)
        user = self._tokens.user(wanted.session, "session")
        if user is None:
            raise HTTPException(401, "no licence without a valid session")
        signature = await self._sign(f"{user} {wanted.title}")
        expires_at = int(self._now() + self._policy.valid_seconds)
        return answer(Licence((content_key(self._secret, wanted.title),), expires_at, signature, self._region))

    async def _sign(self, what: str) -> str:
        """Raises HTTPException(503) when too many wait for the device, or this one for too long."""
        try:
            async with self._device.place(deadline.limited_to(SIGNING_WAIT_MS)):
                await asyncio.sleep(self._policy.signing_ms / 1000)
                return self._signed.issue(what, "licence", self._policy.valid_seconds)
        except CallFailed as busy:  # no failure: the server is well, and another one may have time
            raise HTTPException(503, str(busy), {"Retry-After": "1", SHED: "signing"}) from busy


def content_key(secret: str, title: str) -> Key:
    """The key of a title (HMAC-SHA256 of it, cut to 128 bits), and its id, which is no secret."""
    key = hmac.new(secret.encode(), title.encode(), sha256).digest()[:KEY_BYTES]
    return Key(kid=_base64url(blake2b(title.encode(), digest_size=KEY_BYTES).digest()), k=_base64url(key))


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


SERVICE = Service(name="licence", criticality="critical", routes=routes)
