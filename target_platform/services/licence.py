"""Licences: the key of a title for one device, in ClearKey's format (W3C Encrypted Media Extensions, 9.1).

The key of a title is derived from one secret that all licence servers share, so there is no store that could be lost,
and any instance in any region can serve any viewer. What is not ClearKey's in it are additions, which ClearKey ignores.

Who asks has a session, and proves to be the device that the session names (kit/device.py); on an account with a plan it
has a seat, too (services/streams.py). A stored licence plays for a while without asking; then the device asks whether
it is still good, which is not signed again and so takes none of the signing device's time.

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
from typing import Literal

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit import deadline
from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.claims import Claims, claims_of
from target_platform.kit.client import SHED
from target_platform.kit.device import Proofs, spoken
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens
from target_platform.media.seal_key import seal_key
from target_platform.media.titles import ALL

KEY_BYTES = 16

SIGNING_WAIT_MS = 1000.0
"""How long a licence may wait to be signed if the caller does not say."""


Kind = Literal["temporary", "persistent-license"]
"""MediaKeySessionType of Encrypted Media Extensions."""


class Wanted(Struct, frozen=True):
    """`session` and `seat` are tokens. `proof` is the device's, of "licence TITLE" at `asked_at` by its own clock."""

    title: str
    session: str
    asked_at: int = 0
    proof: str = ""
    seat: str = ""
    type: Kind = "temporary"


class Checking(Struct, frozen=True):
    """`licence` is the signature of a licence; `proof` is the device's, of "check LICENCE"."""

    licence: str
    session: str
    asked_at: int = 0
    proof: str = ""


class KeyWanted(Struct, frozen=True):
    """Of a title's sealed form. `session` and `seat` are tokens."""

    title: str
    session: str
    seat: str = ""


class Statement(Struct, frozen=True):
    """What the signature of a licence says. It is that of a token, whose end is the end of the licence."""

    user: str
    title: str
    device: str
    type: Kind


class Key(Struct, frozen=True):
    """A JSON Web Key (RFC 7517) as ClearKey reads it: 128 bits each, in base64url without padding."""

    kid: str
    k: str
    kty: str = "oct"


class Licence(Struct, frozen=True):
    """Plays on `device` until `expires_at` without asking (epoch seconds by the clock that says `issued_at`).

    A stored one may be asked for again then, up to `stored_until`. `signature` is a token of a Statement.
    """

    keys: tuple[Key, ...]
    issued_at: int
    expires_at: int
    signature: str
    region: str
    device: str
    type: Kind = "temporary"
    stored_until: int = 0


class StillGood(Struct, frozen=True):
    """That the licence for `title` plays on without asking until `expires_at`."""

    title: str
    device: str
    issued_at: int
    expires_at: int
    stored_until: int
    region: str


def routes(instance: Instance) -> Sequence[Route]:
    licences = Licences(instance)
    return [
        Route("/licence", licences.licence, methods=["POST"]),
        Route("/licence/check", licences.check, methods=["POST"]),
        Route("/keys", licences.key, methods=["POST"]),
    ]


class Licences:
    """`now` gives epoch seconds."""

    def __init__(self, instance: Instance, now: Callable[[], float] = time.time) -> None:
        self._secret = instance.config.settings["licence_secret"]
        session_key = instance.config.settings["session_key"]
        self._tokens = Tokens(session_key, now)
        self._signed = Tokens(self._secret, now)
        self._policy = instance.policies.licences
        self._proofs = Proofs(session_key, self._policy.skew_seconds, now)
        self._device = Bulkhead(self._policy.signing, "licence>signing")
        instance.metrics.watch_waiting("signing", lambda: self._device.waiting)
        self._refusals = instance.metrics.counter("licence_refusals", "Licences that were not given", "why")
        self._region = instance.config.region
        self._now = now

    async def licence(self, request: Request) -> Response:
        wanted = await read_body(request, Wanted)
        claims = self._proven(wanted, f"licence {wanted.title}")
        self._check_seat(claims, wanted)
        is_stored = wanted.type == "persistent-license"
        valid_seconds = self._policy.stored_seconds if is_stored else self._policy.valid_seconds
        statement = Statement(claims.user, wanted.title, claims.device, wanted.type)
        signature = await self._sign(statement, valid_seconds)
        now = self._now()
        ends_at = int(now + valid_seconds)
        licence = Licence(
            keys=(content_key(self._secret, wanted.title),),
            issued_at=int(now),
            expires_at=self._asks_at(statement, ends_at, now),
            signature=signature,
            region=self._region,
            device=claims.device,
            type=wanted.type,
            stored_until=ends_at if is_stored else 0,
        )
        return answer(licence)

    async def check(self, request: Request) -> Response:
        """Whether a stored licence plays on; if so, for another while without asking."""
        checking = await read_body(request, Checking)
        claims = self._proven(checking, f"check {checking.licence}")
        signed = self._signed.read(checking.licence, "licence")
        if signed is None:
            raise self._refused("forged", "this licence was not issued here, or was changed since")
        statement, now = msgspec.json.decode(signed.subject, type=Statement), self._now()
        if (statement.device, statement.user) != (claims.device, claims.user):
            other = f"this licence is for another device than {claims.device} of {claims.user}"
            raise self._refused("device", other)
        if now >= signed.ends_at:
            ago = spoken(now - signed.ends_at)
            raise self._refused("ended", f"the licence for {statement.title} ended {ago} ago: ask for a new one")
        good = StillGood(
            title=statement.title,
            device=statement.device,
            issued_at=int(now),
            expires_at=self._asks_at(statement, signed.ends_at, now),
            stored_until=signed.ends_at if statement.type == "persistent-license" else 0,
            region=self._region,
        )
        return answer(good)

    async def key(self, request: Request) -> Response:
        """What opens the form of a title that edges have sealed (delivery/seal.py): 16 bytes, as HLS players read it.

        They ask with a GET that proves no device, so a session is enough, and a seat on an account that needs one.
        """
        wanted = await read_body(request, KeyWanted)
        self._check_seat(self._session(wanted.session), wanted)
        if not any(title.id == wanted.title for title in ALL):
            raise HTTPException(404, f"there is no sealed title {wanted.title}, so there is no key")
        return Response(seal_key(self._secret, wanted.title), media_type="application/octet-stream")

    def _asks_at(self, statement: Statement, ends_at: int, now: float) -> int:
        """Until when it plays without asking: a stored one for its grace, though not beyond its end."""
        if statement.type == "temporary":
            return ends_at
        return min(ends_at, int(now + self._policy.grace_seconds))

    def _proven(self, asked: Wanted | Checking, what: str) -> Claims:
        """Who asks, and proves it. Raises HTTPException."""
        claims = self._session(asked.session)
        if objection := self._proofs.objection(claims, what, asked.asked_at, asked.proof):
            raise self._refused("device", objection)
        return claims

    def _session(self, token: str) -> Claims:
        """Raises HTTPException."""
        subject = self._tokens.user(token, "session")
        if subject is None:
            raise HTTPException(401, "no licence without a valid session")
        return claims_of(subject)

    def _check_seat(self, claims: Claims, wanted: Wanted | KeyWanted) -> None:
        """Raises HTTPException."""
        if claims.plan and self._tokens.user(wanted.seat, "seat") != f"{claims.device} {claims.user} {wanted.title}":
            raise self._refused("seat", f"the device {claims.device} has no seat for {wanted.title}: POST /play first")

    def _refused(self, why: str, sentence: str) -> HTTPException:
        self._refusals.labels(why).inc()
        return HTTPException(403, sentence)

    async def _sign(self, statement: Statement, valid_seconds: float) -> str:
        """Raises HTTPException(503) when too many wait for the device, or this one for too long."""
        try:
            async with self._device.place(deadline.limited_to(SIGNING_WAIT_MS)):
                await asyncio.sleep(self._policy.signing_ms / 1000)
                return self._signed.issue(msgspec.json.encode(statement).decode(), "licence", valid_seconds)
        except CallFailed as busy:  # no failure: the server is well, and another one may have time
            raise HTTPException(503, str(busy), {"Retry-After": "1", SHED: "signing"}) from busy


def content_key(secret: str, title: str) -> Key:
    """The key of a title (HMAC-SHA256 of it, cut to 128 bits), and its id, which is no secret."""
    key = hmac.new(secret.encode(), title.encode(), sha256).digest()[:KEY_BYTES]
    return Key(kid=_base64url(blake2b(title.encode(), digest_size=KEY_BYTES).digest()), k=_base64url(key))


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


SERVICE = Service(name="licence", criticality="critical", routes=routes)
