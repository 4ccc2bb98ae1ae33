"""Limits of titles while somebody who should say them cannot: the store, a pointer, the origin, the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from target_platform.delivery import shown
from target_platform.delivery.shelf import Shelf
from target_platform.delivery.territory import TERRITORIES, Badge
from target_platform.kit.answer import problem
from target_platform.kit.client import SHED, Reply
from target_platform.kit.errors import CallFailed
from target_platform.media.published import Listing, Published, media_path, pointer_key
from target_platform.services import catalog, gateway, origin
from target_platform.stores.objects.interface import ObjectsFailed
from target_platform.stores.objects.on_disk import DiskObjects
from tests.unit.platform.published import publish
from tests.unit.platform.stage import SESSION_KEY, Answer, Platform, media, proven, signed_in, visit
from tests.unit.platform.test_published_titles import CATALOG, EDGE, FILM, GATEWAY, HUB, ORIGIN, SEGMENT, until

LICENCE = "here/licence-1"
INSIDE, OUTSIDE = "ann@here", "bob@there"
LIMITED = {FILM: ("here",)}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(shown, "ASK_SECONDS", 0.1)


@pytest.fixture
def film(tmp_path: Path) -> Published:
    return publish(tmp_path / "store", FILM, territories=("here",))


def test_a_store_that_was_there_and_is_not_any_more_is_no_empty_one(film: Published, tmp_path: Path) -> None:
    objects = tmp_path / "store" / "objects"
    shelf = Shelf(str(tmp_path / "store"))
    try:
        before = shelf.look()
        objects.rename(tmp_path / "unmounted")
        for ask in (shelf.look, lambda: shelf.file(film.hls), lambda: shelf.sizes(film.folder)):
            with pytest.raises(ObjectsFailed, match="not at"):
                ask()
        (tmp_path / "unmounted").rename(objects)
        assert shelf.look() == before
    finally:
        shelf.close()


@pytest.mark.parametrize("pointer", [None, b"{broken"])
def test_a_limit_outlives_the_pointer_and_ends_when_the_title_is_published_without(
    film: Published, tmp_path: Path, pointer: bytes | None
) -> None:
    shelf, objects = Shelf(str(tmp_path / "store")), DiskObjects(tmp_path / "store" / "objects")
    try:
        assert shelf.look().limits[FILM] == ("here",)
        if pointer is None:
            objects.delete(pointer_key(FILM))
        else:
            objects.put(pointer_key(FILM), pointer)
        assert (shelf.look().titles, shelf.look().limits[FILM]) == ((), ("here",))
        publish(tmp_path / "store", FILM)
        assert FILM not in shelf.look().limits
    finally:
        objects.close()
        shelf.close()


class Origin:
    """Says one thing after the other."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Asked by hand."""

    def at_close(self, work: Callable[[], Awaitable[None]]) -> None:
        """It never is."""

    async def call(self, service: str, path: str) -> Reply:
        return self.replies.pop(0)


def listing(*titles: Published, limits: Mapping[str, tuple[str, ...]]) -> Reply:
    return Reply(body=msgspec.json.encode(Listing(mark="m", titles=titles, limits=limits)))


def test_what_an_origin_that_has_just_begun_does_not_name_stays_limited_for_who_heard_it(film: Published) -> None:
    free = msgspec.structs.replace(film, territories=())

    async def play() -> None:
        heard = shown.Shown(Origin(listing(film, limits=LIMITED), listing(limits={}), listing(free, limits={})))  # type: ignore[arg-type]  # all that is used of an instance
        for expected in (("here",), ("here",), ()):
            await heard.ask()
            assert heard.limits(FILM) == expected

    asyncio.run(play())


@pytest.mark.parametrize("reply", [Reply(status=404, body=b"{}"), Reply(status=200, body=b"<html>")])
def test_an_answer_that_says_nothing_of_what_is_published_is_none(reply: Reply) -> None:
    async def play() -> None:
        heard = shown.Shown(Origin(reply))  # type: ignore[arg-type]  # all that is used of an instance
        with pytest.raises(CallFailed):
            await heard.ask()
        assert not heard.was_heard

    asyncio.run(play())


def test_an_origin_that_never_saw_its_store_says_nothing_of_limits_and_the_clip_is_played(
    film: Published, tmp_path: Path
) -> None:
    media(tmp_path, master__m3u8=b"the clip")

    async def play(made: Platform) -> None:
        clip = await made.ask(ORIGIN, f"/media/{FILM}/master.m3u8", headers=Badge(SESSION_KEY).headers())
        assert (clip.body, TERRITORIES in clip.headers) == (b"the clip", False)
        for server in (EDGE, HUB, ORIGIN):
            assert (await made.ask(server, "/media/split-brain/master.m3u8")).body == b"the clip"
            assert (await made.ask(server, media_path(f"{film.folder}/{SEGMENT}"))).status == 503

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, store="http://127.0.0.1:1")


async def licence(made: Platform, user: str) -> Answer:
    wanted = {"title": FILM, **proven(f"licence {FILM}", user, "tv")}
    return await made.ask(GATEWAY, "/licence", "POST", json=wanted, headers=signed_in(user, "", "tv"))


@pytest.mark.parametrize("names", [(LICENCE, GATEWAY), (CATALOG, LICENCE, GATEWAY)])
def test_a_gateway_that_never_heard_of_limits_gives_nobody_a_key(tmp_path: Path, names: tuple[str, ...]) -> None:
    async def play(made: Platform) -> None:
        refused = await licence(made, OUTSIDE)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert refused.json["error"] == f"nobody can say yet where {FILM} may be watched"
        assert "keys" not in (await licence(made, INSIDE)).json
        if CATALOG in names:
            limits = await made.ask(CATALOG, "/limits")
            assert (limits.status, SHED in limits.headers) == (503, True)

    visit(tmp_path, names, play)


def test_it_asks_when_the_first_licence_is_wanted_and_what_it_knows_stays_when_the_catalogue_is_away(
    film: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, away = catalog.Catalog.limits, [False]

    async def limits(self: catalog.Catalog, request: Request) -> Response:
        return problem(503, "away") if away[0] else await real(self, request)

    monkeypatch.setattr(catalog.Catalog, "limits", limits)
    monkeypatch.setattr(gateway, "LIMITS_EVERY_SECONDS", 0.1)

    async def play(made: Platform) -> None:
        assert (await until(lambda: licence(made, OUTSIDE), lambda said: said.status != 503)).status == 451
        away[0] = True

        async def asked() -> Answer:
            return await made.ask(CATALOG, "/limits")

        await until(asked, lambda _: sum(each.status == 503 for each in made.log(CATALOG)) > 4)
        assert (await licence(made, OUTSIDE)).status == 451
        assert "keys" in (await licence(made, INSIDE)).json

    visit(tmp_path, (ORIGIN, CATALOG, LICENCE, GATEWAY), play, store=str(tmp_path / "store"))


def test_a_stored_licence_is_not_good_any_more_where_the_title_may_not_be_watched_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "store", FILM)
    monkeypatch.setattr(gateway, "LIMITS_EVERY_SECONDS", 0.1)

    async def play(made: Platform) -> None:
        signature = (await until(lambda: licence(made, INSIDE), lambda said: said.status == 200)).json["signature"]

        async def check() -> Answer:
            kept = {"licence": signature, **proven(f"check {signature}", INSIDE, "tv")}
            who = signed_in(INSIDE, "", "tv")
            return await made.ask(GATEWAY, "/licence/check", "POST", json=kept, headers=who)

        assert (await check()).status == 200
        publish(tmp_path / "store", FILM, territories=("there",))
        assert (await until(check, lambda said: said.status != 200)).status == 451

    visit(tmp_path, (ORIGIN, CATALOG, LICENCE, GATEWAY), play, store=str(tmp_path / "store"))
