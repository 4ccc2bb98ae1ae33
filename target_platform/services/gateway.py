"""The door for viewers: who they are, their home page, titles, the start of a stream, heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer, passed_on
from target_platform.kit.client import Ask, Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens

POPULAR_EVERY_SECONDS = 30.0
HEARTBEAT_LIMIT_BYTES = 4096

Body = TypeVar("Body", bound=Struct)


class SignIn(Struct, frozen=True):
    """A device says whose it is. A stub: nobody's password is asked."""

    user: str
    device: str = ""


class Titles(Struct, frozen=True):
    """Titles are handed on as they came. `personalised` is false when they are merely popular."""

    titles: tuple[Raw, ...]
    personalised: bool = False


class Heartbeat(Struct, frozen=True):
    title: str
    position_seconds: float = 0.0
    bitrate_kbps: float = 0.0
    rebuffer_ms: float = 0.0


LAST_RESORT = msgspec.json.encode(
    {"titles": msgspec.yaml.decode(Path(__file__).with_name("last_resort.yaml").read_bytes())}
)


def routes(instance: Instance) -> Sequence[Route]:
    gateway = Gateway(instance)
    instance.every(POPULAR_EVERY_SECONDS, gateway.keep_popular)
    return [
        Route("/session", gateway.sign_in, methods=["POST"]),
        Route("/home", gateway.home),
        Route("/titles/{title}", gateway.title),
        Route("/play/{title}", gateway.play, methods=["POST"]),
        Route("/heartbeat", gateway.heartbeat, methods=["POST"]),
    ]


class Gateway:
    """Keeps the popular list, so that the fallback of the home page needs nobody."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._tokens = Tokens(instance.config.settings["session_key"])
        self._popular = LAST_RESORT
        self._heartbeats = instance.metrics.counter("heartbeats", "Heartbeats of players")
        self._rebuffer_ms = instance.metrics.counter(
            "heartbeat_rebuffer_ms", "Time players reported to have stood still"
        )

    async def sign_in(self, request: Request) -> Response:
        device = await _body(request, SignIn)
        if not device.user:
            raise HTTPException(400, "user is empty")
        return answer({"token": self._tokens.issue(device.user)})

    async def home(self, request: Request) -> Response:
        user = self._user(request)
        reply = await self._instance.call(
            "recommendations", f"/for/{quote(user, safe='')}", {"popular": self._popular_reply}
        )
        if reply.status != 200:
            raise CallFailed(f"recommendations answered {reply.status}", "status")
        return answer(msgspec.json.decode(reply.body, type=Titles))

    async def title(self, request: Request) -> Response:
        self._user(request)
        return passed_on(await self._instance.call("catalog", f"/titles/{_quoted(request, 'title')}"))

    async def play(self, request: Request) -> Response:
        """Starting twice is as good as once, so it may be retried."""
        self._user(request)
        start = Ask(path=f"/start/{_quoted(request, 'title')}", method="POST", idempotent=True)
        return passed_on(await self._instance.call("playback", start))

    async def heartbeat(self, request: Request) -> Response:
        self._user(request)
        beat = await _body(request, Heartbeat)
        self._heartbeats.inc()
        self._rebuffer_ms.inc(max(0.0, beat.rebuffer_ms))
        return Response(status_code=204)

    async def keep_popular(self) -> None:
        """Fetch the popular list, so that it is at hand when it is needed. Raises CallFailed; the old one stays."""
        reply = await self._instance.call("catalog", "/popular")
        if reply.status == 200:
            self._popular = reply.body

    async def _popular_reply(self) -> Reply:
        return Reply(body=self._popular)

    def _user(self, request: Request) -> str:
        """Who asks. Checked without asking anybody, so that no other service is needed to get in."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self._tokens.user(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise HTTPException(401, "no valid session: POST /session first, and send its token as a bearer token")
        return user


async def _body(request: Request, kind: type[Body]) -> Body:
    if int(request.headers.get("content-length") or 0) > HEARTBEAT_LIMIT_BYTES:
        raise HTTPException(413, f"the body is larger than {HEARTBEAT_LIMIT_BYTES} bytes")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"the body cannot be read: {error}") from error


def _quoted(request: Request, name: str) -> str:
    return quote(request.path_params[name], safe="")


SERVICE = Service(
    name="gateway",
    calls=("catalog", "playback", "recommendations"),
    fallbacks=("popular",),
    criticality="critical",
    routes=routes,
)
