"""Who is given a file of a title that is limited to territories, by an origin, a hub or an edge.

Playback signs a token for the title and the territory of the viewer. It stands in the path, /t/TOKEN/media/TITLE/...,
so that what a playlist names by relative addresses is asked for with it; what is kept is the path without it. It is
asked for before the file is looked for: who has none does not even hear whether there is one. Caches, which ask for
their viewers, show a badge instead, which is signed as well.

Which titles are limited every cache hears from the origin (Shown). One that was started while no origin answers knows
it from the header that comes with each file.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.file_answer import nobody_has_it
from target_platform.delivery.shown import Shown
from target_platform.kit.answer import problem
from target_platform.kit.errors import CallFailed
from target_platform.kit.tokens import Tokens
from target_platform.media.published import file_key
from target_platform.media.titles import is_outside, outside

WATCH_SECONDS = 6 * 3600.0
"""How long a viewer may go on with what was started: the longest film, and a pause."""
BADGE, BADGE_SECONDS = "X-Fill", 60.0
MOST_LEARNT = 5_000
TERRITORIES, EVERYWHERE = "X-Territories", "*"

Handler = Callable[[Request], Awaitable[Response]]


class Badge:
    """What caches show each other. `clock` gives epoch seconds."""

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._tokens = Tokens(key, clock)
        self._clock = clock
        self._token, self._new_at = "", 0.0

    def headers(self) -> dict[str, str]:
        if self._clock() >= self._new_at:
            self._token = self._tokens.issue("cache", "fill", BADGE_SECONDS)
            self._new_at = self._clock() + BADGE_SECONDS / 2
        return {BADGE: self._token}

    def is_shown(self, request: Request) -> bool:
        return self._tokens.user(request.headers.get(BADGE, ""), "fill") == "cache"

    def between_caches(self, handler: Handler) -> Handler:
        """The same handler, for who shows a badge; nobody else can tell a cache what it is to fetch."""

        async def guarded(request: Request) -> Response:
            return await handler(request) if self.is_shown(request) else _refused(403, f"this takes a cache's {BADGE}")

        return guarded


class Limits:
    """The territories of titles, by what the origin last said, or else by what came with their files."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._learnt: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def of(self, title: str) -> tuple[str, ...] | None:
        """Empty for a title without a limit; None when nothing is known of it."""
        return self._shown.limits(title) if self._shown.was_heard else self._learnt.get(title)

    async def find_out(self, path: str, fetch: Callable[[str], Awaitable[object]]) -> None:
        """Of the title of this path: from the origin, or else with the file itself. Raises CallFailed."""
        try:
            await self._shown.first_heard()
        except CallFailed:
            await fetch(path)

    def learn(self, title: str, headers: Mapping[str, str]) -> None:
        """What the origin has said counts for more, and what is forgotten is asked for again."""
        said = headers.get(TERRITORIES)
        if not said or self._shown.was_heard:
            return
        self._learnt[title] = () if said == EVERYWHERE else tuple(said.split(","))
        self._learnt.move_to_end(title)
        if len(self._learnt) > MOST_LEARNT:
            self._learnt.popitem(last=False)


class Door:
    """In front of a handler of /media/TITLE/PATH. `limits` are the territories of a title; none for one that has no
    limit, None while that is not known: then `find_out` is told a path of it. What is not known after that either is of
    an origin that has not seen its store yet: the clip may be had, and nothing is said of it.
    """

    def __init__(
        self, key: str, limits: Callable[[str], Sequence[str] | None], find_out: Callable[[str], Awaitable[None]]
    ) -> None:
        self._tokens = Tokens(key)
        self._badge = Badge(key)
        self._limits = limits
        self._find_out = find_out

    def routes(self, handler: Handler, forms: Sequence[str] = ("/media/",)) -> list[Route]:
        """`forms` of a title's files are what their paths begin with."""

        async def guarded(request: Request) -> Response:
            return await self._guarded(request, handler)

        return [
            Route(f"{prefix}{form}{{title}}/{{path:path}}", guarded) for form in forms for prefix in ("", "/t/{token}")
        ]

    async def _guarded(self, request: Request, handler: Handler) -> Response:
        token = request.path_params.get("token", "")
        if token:
            request.scope["path"] = request.scope["path"].removeprefix(f"/t/{token}")
        title = request.path_params["title"]
        if (limits := self._limits(title)) is None:
            try:
                await self._find_out(quote(request.scope["path"]))
            except CallFailed as failure:
                return nobody_has_it(failure)
            limits = self._limits(title)
        if limits is None and file_key(title, request.path_params["path"]):
            return _refused(503, f"nobody has said yet where {title} may be watched")
        if self._badge.is_shown(request):
            response = await handler(request)
            if limits is not None:
                response.headers[TERRITORIES] = ",".join(limits) or EVERYWHERE
            return response
        return (self._refusal(title, token, limits) if limits else None) or await handler(request)

    def _refusal(self, title: str, token: str, limits: Sequence[str]) -> Response | None:
        """The same whether the file is there or not."""
        signed = self._tokens.read(token, "watch")
        if signed is None:
            return _refused(403, f"{title} is limited to territories: take the addresses that POST /play/{title} gives")
        if not self._tokens.user(token, "watch"):
            return _refused(403, f"this address of {title} has ended: POST /play/{title} gives a new one")
        of_title, _, territory = signed.subject.partition(" ")
        if of_title != title:
            return _refused(403, f"this address is not one of {title}")
        return _refused(451, outside(title, limits)) if is_outside(territory, limits) else None


def _refused(status: int, sentence: str) -> Response:
    refusal = problem(status, sentence)
    refusal.headers.update({"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"})
    return refusal


def watch_prefix(tokens: Tokens, title: str, territory: str) -> str:
    """What the paths of a limited title's files begin with, for a viewer in a territory."""
    return f"/t/{tokens.issue(f'{title} {territory}', 'watch', WATCH_SECONDS)}"
