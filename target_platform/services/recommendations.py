"""What a user may like: the catalog's titles in an order of the user's own, always the same for the same user."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.client import Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service


class Title(Struct, frozen=True):
    """What is read of a title, and handed on."""

    id: str
    name: str
    year: int = 0
    genres: tuple[str, ...] = ()
    minutes: int = 0


class Titles(Struct, frozen=True):
    titles: tuple[Title, ...]


class Recommended(Struct, frozen=True):
    """`personalised` is false when the order is nobody's in particular."""

    titles: tuple[Title, ...]
    personalised: bool


LAST_RESORT = Titles(
    msgspec.yaml.decode(Path(__file__).with_name("last_resort.yaml").read_bytes(), type=tuple[Title, ...])
)


def routes(instance: Instance) -> Sequence[Route]:
    return [Route("/for/{user}", Recommendations(instance).for_user)]


class Recommendations:
    """Keeps the last list that the catalog gave, for the time when it gives none."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._known = LAST_RESORT

    async def for_user(self, request: Request) -> Response:
        reply = await self._instance.call("catalog", "/titles", {"popular": self._popular})
        if reply.status != 200:
            raise CallFailed(f"catalog answered {reply.status}", "status")
        titles = msgspec.json.decode(reply.body, type=Titles)
        if reply.fallback:
            return answer(Recommended(titles.titles, personalised=False))
        self._known = titles
        return answer(Recommended(ordered_for(request.path_params["user"], titles.titles), personalised=True))

    async def _popular(self) -> Reply:
        return Reply(body=msgspec.json.encode(self._known))


def ordered_for(user: str, titles: Sequence[Title]) -> tuple[Title, ...]:
    """By how much the user likes a title's genres, then the title itself: drawn once from the user's id by a hash."""

    def liking(title: Title) -> tuple[float, int]:
        by_genre = [_draw(user, genre) for genre in title.genres]
        return -sum(by_genre) / max(1, len(by_genre)), _draw(user, title.id)

    return tuple(sorted(titles, key=liking))


def _draw(user: str, what: str) -> int:
    return int.from_bytes(blake2b(f"{user}\0{what}".encode(), digest_size=4).digest(), "big")


SERVICE = Service(
    name="recommendations", calls=("catalog",), fallbacks=("popular",), criticality="degradable", routes=routes
)
