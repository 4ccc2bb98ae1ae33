"""What can be watched: all titles, the popular ones, one title.

Its own data is bundled, so it needs nobody to answer. What else is published it hears from the origin, beside that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.shown import Shown
from target_platform.kit.answer import answer, problem
from target_platform.kit.client import SHED
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.media.published import Published
from target_platform.media.titles import ALL, Title, is_outside, outside

POPULAR = 6


class Titles(Struct, frozen=True):
    """`titles`, most popular first."""

    titles: tuple[Title, ...]


def routes(instance: Instance) -> Sequence[Route]:
    catalog = Catalog(Shown(instance))
    return [
        Route("/titles", catalog.all_titles),
        Route("/titles/{title}", catalog.one_title),
        Route("/popular", catalog.popular_titles),
        Route("/limits", catalog.limits),
    ]


class Catalog:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._listed = {title.id: title for title in ALL}

    async def all_titles(self, request: Request) -> Response:
        return answer(Titles(tuple(self._known())))

    async def one_title(self, request: Request) -> Response:
        """With `?territory=` 451 for one that may not be watched there."""
        asked = request.path_params["title"]
        title = next((each for each in self._known() if each.id == asked), None)
        if title is None:
            return problem(404, f"there is no title {asked!r}")
        territory = request.query_params.get("territory")
        if territory is not None and is_outside(territory, title.territories):
            return problem(451, outside(title.id, title.territories))
        return answer(title)

    async def limits(self, request: Request) -> Response:
        """The territories of all titles that are limited to some. 503 as long as no origin has said it."""
        try:
            await self._shown.first_heard()
        except CallFailed as failure:
            refusal = problem(503, f"no origin has said yet which titles are limited: {failure}")
            refusal.headers[SHED] = "limits"  # no breaker is to open for it: all else is answered
            return refusal
        return answer(dict(self._shown.listing.limits))

    async def popular_titles(self, request: Request) -> Response:
        return answer(Titles(ALL[:POPULAR]))

    def _known(self) -> list[Title]:
        """Those that are listed, then the others that are published, of which little is known."""
        others = [each for each in self._shown.listing.titles if each.title not in self._listed]
        known = [*ALL, *map(_of_published, others)]
        return [structs.replace(each, territories=self._shown.limits(each.id)) for each in known]


def _of_published(title: Published) -> Title:
    name = title.title.replace("-", " ").title()
    return Title(id=title.title, name=name, minutes=math.ceil(title.seconds / 60))


SERVICE = Service(name="catalog", calls=("origin",), criticality="critical", routes=routes)
