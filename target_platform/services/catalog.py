"""What can be watched: all titles, the popular ones, one title. Its data is bundled, so it depends on nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer, problem
from target_platform.kit.service import Instance, Service

POPULAR = 6


class Title(Struct, frozen=True):
    id: str
    name: str
    year: int
    genres: tuple[str, ...]
    minutes: int


class Titles(Struct, frozen=True):
    """`titles`, most popular first."""

    titles: tuple[Title, ...]


ALL = Titles(msgspec.yaml.decode(Path(__file__).with_name("titles.yaml").read_bytes(), type=tuple[Title, ...]))
_BY_ID = {title.id: title for title in ALL.titles}


def routes(instance: Instance) -> Sequence[Route]:
    return [
        Route("/titles", all_titles),
        Route("/titles/{title}", one_title),
        Route("/popular", popular_titles),
    ]


async def all_titles(request: Request) -> Response:
    return answer(ALL)


async def one_title(request: Request) -> Response:
    title = _BY_ID.get(request.path_params["title"])
    return answer(title) if title else problem(404, f"there is no title {request.path_params['title']!r}")


async def popular_titles(request: Request) -> Response:
    return answer(Titles(ALL.titles[:POPULAR]))


SERVICE = Service(name="catalog", criticality="critical", routes=routes)
