"""The door for viewers: who they are, their home page, titles, the start of a stream, licences, heartbeats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct, structs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.reports import Fetched, Sums
from target_platform.kit.answer import answer, passed_on
from target_platform.kit.body import read_body
from target_platform.kit.call import Fallback
from target_platform.kit.claims import Claims, claims_of
from target_platform.kit.client import Ask, Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens
from target_platform.media.titles import LIMITS, is_outside, outside

POPULAR_EVERY_SECONDS = 30.0
LIMITS_EVERY_SECONDS = 5.0
REPORTS_EVERY_SECONDS = 1.0

log = logging.getLogger("gateway")


class SignUp(Struct, frozen=True):
    """`device` is what the device calls itself: without one there are no licences. Without `plan` there is no limit."""

    user: str
    password: str
    device: str = ""
    plan: str = ""


class GettingIn(Struct, frozen=True):
    """A device that is signed in sends its `renewal`, another one `user` (NAME@REGION), `password` and its own name."""

    renewal: str = ""
    user: str = ""
    password: str = ""
    device: str = ""


class Can(Struct, frozen=True):
    """What a device can show: `codecs` it decodes (any, when empty) and lines of its screen (any number, when 0)."""

    codecs: tuple[str, ...] = ()
    max_height: int = 0


class Wish(Can, frozen=True):
    """`provider` (REGION/NAME) is the internet provider that the viewer comes by.

    Elsewhere the platform knows it from the address. On one machine all addresses are the same, so players say it.
    """

    provider: str = ""


class LicenceWanted(Struct, frozen=True):
    """services/licence.py says what they are; `asked_at` and `proof` are the device's, `seat` is playback's."""

    title: str
    asked_at: int = 0
    proof: str = ""
    seat: str = ""
    type: str = "temporary"


class LicenceKept(Struct, frozen=True):
    """A licence that is stored, by its signature."""

    licence: str
    asked_at: int = 0
    proof: str = ""


class StillGood(Struct, frozen=True):
    """What is read of a licence that was checked."""

    title: str


class KeyWanted(Struct, frozen=True):
    """The key of a title's sealed form, for who shows this `seat`."""

    title: str
    seat: str = ""


class Word(Struct, frozen=True):
    """What is read of a place that a player has kept: whether it is its last."""

    left: bool = False


class Titles(Struct, frozen=True):
    """Titles are handed on as they came. `personalised` is false when they are merely popular."""

    titles: tuple[Raw, ...]
    personalised: bool = False


class Named(Struct, frozen=True):
    """What is read of a title that is handed on."""

    id: str


class Heartbeat(Struct, frozen=True):
    title: str
    position_seconds: float = 0.0
    bitrate_kbps: float = 0.0
    rebuffer_ms: float = 0.0
    provider: str = ""
    servers: tuple[Fetched, ...] = ()


LAST_RESORT = msgspec.json.encode(
    {"titles": msgspec.yaml.decode(Path(__file__).with_name("last_resort.yaml").read_bytes())}
)


def routes(instance: Instance) -> Sequence[Route]:
    gateway = Gateway(instance)
    instance.every(POPULAR_EVERY_SECONDS, gateway.keep_popular)
    instance.every(LIMITS_EVERY_SECONDS, gateway.keep_limits)
    instance.every(REPORTS_EVERY_SECONDS, gateway.tell_steering)
    return [
        Route("/sign-up", gateway.sign_up, methods=["POST"]),
        Route("/session", gateway.session, methods=["POST"]),
        Route("/home", gateway.home),
        Route("/titles", gateway.titles),
        Route("/titles/{title}", gateway.title),
        Route("/play/{title}", gateway.play, methods=["POST"]),
        Route("/licence", gateway.licence, methods=["POST"]),
        Route("/licence/check", gateway.check_licence, methods=["POST"]),
        Route("/keys/{title}", gateway.key),
        Route("/heartbeat", gateway.heartbeat, methods=["POST"]),
        Route("/charges/{subscription}", gateway.charge, methods=["POST"]),
        Route("/progress/{profile}/{title}", gateway.progress),
        Route("/progress/{profile}/{title}", gateway.keep_progress, methods=["POST"]),
    ]


class Gateway:
    """Keeps the popular list, so that the fallback of the home page needs nobody."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._tokens = Tokens(instance.config.settings["session_key"])
        self._popular = LAST_RESORT
        self._limits: dict[str, tuple[str, ...]] | None = None
        self._reports = Sums()
        self._heartbeats = instance.metrics.counter("heartbeats", "Heartbeats of players")
        self._rebuffer_ms = instance.metrics.counter(
            "heartbeat_rebuffer_ms", "Time players reported to have stood still"
        )

    async def sign_up(self, request: Request) -> Response:
        """In this region, which is the account's home from then on. Again with the same password it is a sign-in."""
        wanted = await read_body(request, SignUp)
        return passed_on(await self._instance.call("identity", _post("/accounts", wanted)))

    async def session(self, request: Request) -> Response:
        """Renews a session, or begins one with a password.

        Any region renews on the signature, so the nearest one is asked, whatever has become of the account's home.
        Only a password is checked at home.
        """
        device = await read_body(request, GettingIn)
        user = claims_of(self._tokens.user(device.renewal, "renewal") or "").user if device.renewal else device.user
        home = user.rpartition("@")[2]
        if not user or home not in self._instance.config.regions:
            raise HTTPException(401, "no session can be had: send a renewal, or a user (NAME@REGION) and the password")
        if device.renewal:
            ask = _post("/renewals", {"token": device.renewal})
        else:
            ask = _post("/sessions", {"user": user, "password": device.password, "device": device.device}, home)
        reply = await self._instance.call("identity", ask)
        if reply.status == 421:
            raise CallFailed(f"the region {home}, which keeps the account {user}, cannot be asked", "status")
        return passed_on(reply)

    async def home(self, request: Request) -> Response:
        claims = self._claims(request)
        reply = await self._recommended(claims.user, {"popular": self._popular_reply, "everybodys": self._everybodys})
        if reply.status != 200:
            raise CallFailed(f"recommendations answered {reply.status}", "status")
        return answer(self._allowed(msgspec.json.decode(reply.body, type=Titles), claims))

    async def titles(self, request: Request) -> Response:
        """All that may be watched where this account is at home."""
        claims = self._claims(request)
        reply = await self._instance.call("catalog", "/titles")
        return answer(self._allowed(msgspec.json.decode(reply.body, type=Titles), claims))

    async def title(self, request: Request) -> Response:
        """451 for one that may not be watched where this account is at home."""
        territory = quote(self._claims(request).home, safe="")
        path = f"/titles/{_quoted(request, 'title')}?territory={territory}"
        return passed_on(await self._instance.call("catalog", path))

    async def play(self, request: Request) -> Response:
        """Starting twice is as good as once, so it may be retried. The body says what the device can show."""
        claims = self._claims(request)
        if self._instance.policies.starts.place_first:
            await self._instance.call("history", f"/progress/{quote(claims.user, safe='')}/{_quoted(request, 'title')}")
        wish = await read_body(request, Wish) if await request.body() else Wish()
        can = Can(codecs=wish.codecs, max_height=wish.max_height)
        start = _post(f"/start/{_quoted(request, 'title')}", {"who": claims, "can": can, "provider": wish.provider})
        return passed_on(await self._instance.call("playback", start))

    async def licence(self, request: Request) -> Response:
        claims, wanted = self._claims(request), await read_body(request, LicenceWanted)
        await self._check_inside(claims, wanted.title)
        return await self._of_licences(request, "/licence", wanted)

    async def key(self, request: Request) -> Response:
        """Of the sealed form of a title, as HLS players ask: with GET. The seat, if one is needed, is in a header."""
        claims = self._claims(request)
        wanted = KeyWanted(request.path_params["title"], request.headers.get("x-seat", ""))
        await self._check_inside(claims, wanted.title)
        given = await self._of_licences(request, "/keys", wanted)
        given.headers["Cache-Control"] = "no-store"
        return given

    async def check_licence(self, request: Request) -> Response:
        """Only the licence server can read which title it is for, and says it of one that is still good."""
        claims = self._claims(request)
        checked = await self._of_licences(request, "/licence/check", await read_body(request, LicenceKept))
        if checked.status_code == 200:
            await self._check_inside(claims, msgspec.json.decode(checked.body, type=StillGood).title)
        return checked

    async def heartbeat(self, request: Request) -> Response:
        self._user(request)
        beat = await read_body(request, Heartbeat)
        self._heartbeats.inc()
        self._rebuffer_ms.inc(max(0.0, beat.rebuffer_ms))
        self._reports.add(beat.provider, beat.servers)
        return Response(status_code=204)

    async def charge(self, request: Request) -> Response:
        """For this month. Asked again it is the same charge."""
        wanted = {"account": f"{self._user(request)}~{request.path_params['subscription']}"}
        return passed_on(await self._instance.call("billing", _post("/charges", wanted)))

    async def progress(self, request: Request) -> Response:
        return passed_on(await self._instance.call("history", self._progress_path(request)))

    async def keep_progress(self, request: Request) -> Response:
        """Answered when it is kept. A place has its time in it, so keeping it twice is keeping it once.

        It is also what a device keeps its seat by, so that a player need say nothing else for that.
        """
        ask = Ask(path=self._progress_path(request), method="PUT", body=await request.body())
        kept, _ = await asyncio.gather(self._instance.call("history", ask), self._keep_seat(request, ask.body))
        return passed_on(kept)

    async def keep_popular(self) -> None:
        """Fetch the popular list, so that it is at hand when it is needed. Raises CallFailed; the old one stays."""
        reply = await self._instance.call("catalog", "/popular")
        if reply.status == 200:
            self._popular = reply.body

    async def tell_steering(self) -> None:
        """What players said of the servers they fetch from. Raises CallFailed; what was lost then is lost."""
        if reports := self._reports.take():
            await self._instance.call("steering", _post("/reports", {"reports": reports}))

    async def keep_limits(self) -> None:
        """Which titles are not for everybody. Raises CallFailed; what was known stays."""
        reply = await self._instance.call("catalog", "/limits")
        if reply.status == 200:
            self._limits = msgspec.json.decode(reply.body, type=dict[str, tuple[str, ...]])

    async def _check_inside(self, claims: Claims, title: str) -> None:
        """Raises HTTPException: 451 outside the territories of a title, 503 when this gateway never heard of any."""
        try:
            if self._limits is None:
                await self.keep_limits()
        except CallFailed as failure:
            log.info("limits: %s", failure)
        if self._limits is None:
            raise HTTPException(503, f"nobody can say yet where {title} may be watched", {"Retry-After": "1"})
        limits = self._limits.get(title, ())
        if is_outside(claims.home, limits):
            raise HTTPException(451, outside(title, limits))

    def _allowed(self, titles: Titles, claims: Claims) -> Titles:
        known = LIMITS if self._limits is None else self._limits
        hidden = {title for title, limits in known.items() if is_outside(claims.home, limits)}
        if not hidden:
            return titles
        shown = (each for each in titles.titles if msgspec.json.decode(each, type=Named).id not in hidden)
        return structs.replace(titles, titles=tuple(shown))

    async def _recommended(self, user: str, fallbacks: dict[str, Fallback]) -> Reply:
        return await self._instance.call("recommendations", f"/for/{quote(user, safe='')}", fallbacks)

    async def _popular_reply(self) -> Reply:
        return Reply(body=self._popular)

    async def _everybodys(self) -> Reply:
        """What is recommended to nobody in particular: who chooses this has a fallback that asks the same service."""
        return await self._recommended("everybody", {"popular": self._popular_reply, "everybodys": _no_more})

    async def _of_licences(
        self, request: Request, path: str, wanted: LicenceWanted | LicenceKept | KeyWanted
    ) -> Response:
        """With the session's token, which the licence server reads itself."""
        session = request.headers["authorization"].partition(" ")[2]
        ask = _post(path, {**structs.asdict(wanted), "session": session})
        return passed_on(await self._instance.call("licence", ask))

    async def _keep_seat(self, request: Request, body: bytes) -> None:
        """Never fails: a seat that cannot be kept is none that could stop a picture."""
        claims = self._claims(request)
        if not claims.plan or not claims.device:
            return
        try:
            left = msgspec.json.decode(body, type=Word).left
        except msgspec.DecodeError:  # history will say what is wrong with it
            return
        word = {"device": claims.device, "title": request.path_params["title"], "left": left}
        ask = _post(f"/seats/{quote(claims.user, safe='')}/word", word, claims.home)
        await self._instance.call("streams", ask, {"uncounted": _uncounted})

    def _progress_path(self, request: Request) -> str:
        """Those who share an account have a profile each."""
        viewer = quote(f"{self._user(request)}~{request.path_params['profile']}", safe="")
        return f"/progress/{viewer}/{_quoted(request, 'title')}"

    def _user(self, request: Request) -> str:
        return self._claims(request).user

    def _claims(self, request: Request) -> Claims:
        """Who asks. Checked without asking anybody, so that no other service is needed to get in."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        subject = self._tokens.user(token, "session") if scheme.lower() == "bearer" else None
        if subject is None:
            raise HTTPException(401, "no valid session: POST /session first, and send its token as a bearer token")
        return claims_of(subject)


async def _uncounted() -> Reply:
    return Reply(status=204)


async def _no_more() -> Reply:
    raise CallFailed("recommendations have nothing, and the fallback was to ask them", "status")


def _post(path: str, body: Any, region: str = "") -> Ask:
    """All that is posted here may be posted twice."""
    return Ask(path=path, method="POST", body=msgspec.json.encode(body), region=region)


def _quoted(request: Request, name: str) -> str:
    return quote(request.path_params[name], safe="")


SERVICE = Service(
    name="gateway",
    calls=(
        "billing",
        "catalog",
        "history",
        "identity",
        "licence",
        "playback",
        "recommendations",
        "steering",
        "streams",
    ),
    fallbacks=("popular", "everybodys", "uncounted"),
    criticality="critical",
    routes=routes,
)
