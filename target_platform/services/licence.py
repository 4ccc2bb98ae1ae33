"""Licences: the key of a title, for who has a session, in ClearKey's format (W3C Encrypted Media Extensions, 9.1).

The key of a title is derived from one secret that all licence servers share, so there is no store that could be lost,
and any instance in any region can serve any viewer. `expires_at` and `signature` are additions, which ClearKey ignores.
"""

from __future__ import annotations

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

from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens

KEY_BYTES = 16


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
        self._valid_seconds = instance.policies.licences.valid_seconds
        self._region = instance.config.region
        self._now = now

    async def licence(self, request: Request) -> Response:
        wanted = await read_body(request, Wanted)
        user = self._tokens.user(wanted.session, "session")
        if user is None:
            raise HTTPException(401, "no licence without a valid session")
        signature = self._signed.issue(f"{user} {wanted.title}", "licence", self._valid_seconds)
        expires_at = int(self._now() + self._valid_seconds)
        return answer(Licence((content_key(self._secret, wanted.title),), expires_at, signature, self._region))


def content_key(secret: str, title: str) -> Key:
    """The key of a title (HMAC-SHA256 of it, cut to 128 bits), and its id, which is no secret."""
    key = hmac.new(secret.encode(), title.encode(), sha256).digest()[:KEY_BYTES]
    return Key(kid=_base64url(blake2b(title.encode(), digest_size=KEY_BYTES).digest()), k=_base64url(key))


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


SERVICE = Service(name="licence", criticality="critical", routes=routes)
