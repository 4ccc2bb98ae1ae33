"""Titles that are limited to territories: who is told of them, and who is given their files, at every door."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from target_platform.delivery import shown, territory
from target_platform.delivery.territory import TERRITORIES, Badge, watch_prefix
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance
from target_platform.kit.tokens import Tokens
from target_platform.media.published import Published, media_path
from target_platform.services import gateway, origin
from tests.unit.platform.published import FILES, publish
from tests.unit.platform.stage import SESSION_KEY, Answer, Platform, media, signed_in, visit
from tests.unit.platform.test_published_titles import (
    CATALOG,
    EDGE,
    FILM,
    GATEWAY,
    HUB,
    ORIGIN,
    PLAYBACK,
    SEGMENT,
    start,
    until,
)

STAGE = (ORIGIN, CATALOG, "here/recommendations-1", "here/licence-1", HUB, EDGE, PLAYBACK, GATEWAY)
OTHER = "another-film"
ANN, STRANGER = signed_in("ann@here"), signed_in("bob@there")
SENTENCE = "the-film may be watched in here only"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(shown, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(gateway, "LIMITS_EVERY_SECONDS", 0.1)


@pytest.fixture
def film(tmp_path: Path) -> Published:
    publish(tmp_path / "store", OTHER, territories=("there",))
    return publish(tmp_path / "store", FILM, territories=("here",))


def test_who_is_outside_is_told_so_wherever_a_title_is_named(film: Published, tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        no_licence = await until(lambda: licence(made, STRANGER), lambda said: said.status == 451)
        await until(lambda: start(made, FILM), lambda said: "dash" in said.json)
        asked = [
            no_licence,
            await made.ask(GATEWAY, f"/titles/{FILM}", headers=STRANGER),
            await made.ask(GATEWAY, f"/play/{FILM}", "POST", headers=STRANGER),
        ]
        assert [(each.status, each.json["error"]) for each in asked] == [(451, SENTENCE)] * 3
        assert FILM not in await listed(made, STRANGER, "/home")
        assert FILM not in await listed(made, STRANGER, "/titles")
        assert OTHER in await listed(made, STRANGER, "/home")
        assert (await made.ask(GATEWAY, f"/titles/{FILM}", headers=ANN)).status == 200
        assert FILM in await listed(made, ANN, "/home")
        assert FILM in await listed(made, ANN, "/titles")
        assert (await made.ask(PLAYBACK, f"/start/{FILM}", "POST")).status == 451, "who is nobody is nowhere"

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_what_playback_offers_inside_is_served_with_all_that_it_names_by_relative_addresses(
    film: Published, tmp_path: Path
) -> None:
    async def play(made: Platform) -> None:
        offer = (await until(lambda: start(made, FILM), lambda said: "dash" in said.json)).json
        assert offer["playlist"].startswith("/t/watch.")
        for path in (offer["dash"], offer["artwork"]["poster"], offer["streams"][0]["playlist"]):
            assert path.startswith(offer["playlist"].removesuffix("master.m3u8"))
        for server in (HUB, EDGE):
            for name, content in FILES.items():
                got = await made.ask(server, offer["playlist"].replace("master.m3u8", name))
                assert (got.status, got.body) == (200, content)
        again = await made.ask(EDGE, watch(FILM, "here") + path_of(film))
        assert again.headers["X-Cache"] == "hit", "what is kept is the path without the token"
        assert len([each for each in made.log(ORIGIN) if each.path == path_of(film)]) == 1

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_nobody_else_is_given_a_byte_at_any_door_whether_it_is_kept_there_or_not(
    film: Published, tmp_path: Path
) -> None:
    refusals: Mapping[str, int] = {
        "": 403,
        "/t/forged": 403,
        watch(FILM, "here")[:-1] + "x": 403,  # no digit of a signature
        watch(FILM, "here", at=0): 403,
        watch(OTHER, "here"): 403,
        "/t/" + Tokens(SESSION_KEY).issue(f"{FILM} here", "session", 60): 403,
        watch(FILM, "there"): 451,
        watch(FILM, ""): 451,
    }
    ways: Sequence[tuple[str, dict[str, str]]] = (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-1"}))
    turn = itertools.count()

    async def play(made: Platform) -> None:
        await until(lambda: start(made, FILM), lambda said: "dash" in said.json)
        for kept in (False, True):
            for server in (EDGE, HUB, ORIGIN):
                for prefix, status in refusals.items():
                    method, options = ways[next(turn) % len(ways)]
                    got = await made.ask(server, prefix + path_of(film), method, headers=options)
                    assert got.status == status, (server, prefix, method, kept)
                    assert not any(name in got.headers for name in ("X-Cache", "ETag", "Age", TERRITORIES))
                    assert len(got.body) < 200
            assert (await made.ask(EDGE, watch(FILM, "here") + path_of(film))).status == 200
        nothing = await made.ask(EDGE, media_path(f"{film.folder}/nothing.m4s"))
        there = await made.ask(EDGE, path_of(film))
        assert (nothing.status, nothing.body) == (there.status, there.body), "nor does one hear what there is"

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_a_title_that_is_free_is_no_way_to_one_that_is_not(film: Published, tmp_path: Path) -> None:
    publish(tmp_path / "store", OTHER)
    rest = path_of(film).removeprefix(f"/media/{FILM}/")

    async def play(made: Platform) -> None:
        await until(lambda: made.ask(EDGE, path_of(film)), lambda said: said.status == 403)
        for server in (EDGE, ORIGIN):
            for way in (f"%2e%2e/the-film/{rest}", f"../the-film/{rest}", f"..%2fthe-film%2f{rest}"):
                assert (await made.ask(server, f"/media/{OTHER}/{way}")).status in (403, 404)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, store=str(tmp_path / "store"))


def test_a_limit_that_comes_later_holds_for_what_is_kept_already(tmp_path: Path) -> None:
    film = publish(tmp_path / "store", FILM)

    async def play(made: Platform) -> None:
        await until(lambda: made.ask(EDGE, path_of(film)), lambda said: said.status == 200)
        publish(tmp_path / "store", FILM, territories=("here",))
        await until(lambda: made.ask(EDGE, path_of(film)), lambda said: said.status == 403)
        publish(tmp_path / "store", FILM)
        await until(lambda: made.ask(EDGE, path_of(film)), lambda said: said.status == 200)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, store=str(tmp_path / "store"))


def test_an_edge_that_never_heard_of_limits_learns_them_with_the_file(
    film: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts while the origin cannot be asked, and its hub has the file."""

    async def play(made: Platform) -> None:
        badge = Badge(SESSION_KEY).headers()
        kept = await until(
            lambda: made.ask(HUB, path_of(film), headers=badge), lambda said: TERRITORIES in said.headers
        )
        assert (kept.status, kept.headers[TERRITORIES]) == (200, "here")
        monkeypatch.setattr(shown.Shown, "ask", nothing_heard)
        await asyncio.gather(*(made_edge(made, film, number) for number in range(3)))

    async def nothing_heard(self: object) -> None:
        raise CallFailed("the origin is away", "refused")

    async def made_edge(made: Platform, film: Published, number: int) -> None:
        from target_platform import services
        from target_platform.kit.serve import running

        name = f"here/edge-{number + 2}"
        config = made.config(name)
        async with running(services.load("edge"), config) as edge:
            made.instances[name] = edge
            refused = await made.ask(name, path_of(film))
            assert (refused.status, "X-Cache" in refused.headers) == (403, False)
            given = await made.ask(name, watch(FILM, "here") + path_of(film))
            assert (given.status, given.body) == (200, FILES[SEGMENT])

    visit(tmp_path, (ORIGIN, HUB), play, store=str(tmp_path / "store"))


def test_what_came_with_files_is_forgotten_in_its_turn_and_not_learnt_from_who_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(territory, "MOST_LEARNT", 2)
    heard = Asked()
    limits = territory.Limits(heard.shown)
    for title in "abac":
        limits.learn(title, {TERRITORIES: "here"})
    assert [limits.of(title) for title in "abc"] == [("here",), None, ("here",)]
    heard.shown.was_heard = True
    limits.learn("b", {TERRITORIES: "here"})
    heard.shown.was_heard = False
    assert limits.of("b") is None


def test_however_many_wait_for_an_origin_it_is_asked_once_and_all_hear_that_it_fails() -> None:
    async def wait() -> None:
        asked = Asked()
        heard = await asyncio.gather(*(asked.shown.first_heard() for _ in range(20)), return_exceptions=True)
        assert [type(each) for each in heard] == [CallFailed] * 20
        assert asked.times == 1

    asyncio.run(wait())


class Asked:
    """An instance whose origin does not answer."""

    def __init__(self) -> None:
        self.times = 0
        self.shown = shown.Shown(cast(Instance, self))

    def every(self, seconds: float, work: object) -> None:
        """Never."""

    def at_close(self, work: object) -> None:
        """It never is."""

    async def call(self, service: str, path: str) -> None:
        self.times += 1
        await asyncio.sleep(0.01)
        raise CallFailed("the origin is away", "refused")


def test_the_clip_of_a_title_that_the_list_limits_is_not_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from target_platform.delivery import shelf

    media(tmp_path, master__m3u8=b"the clip")
    monkeypatch.setattr(shelf, "LIMITS", {"split-brain": ("here",)})

    async def play(made: Platform) -> None:
        path = "/media/split-brain/master.m3u8"
        await until(lambda: made.ask(EDGE, path), lambda said: said.status == 403)
        assert (await made.ask(EDGE, watch("split-brain", "here") + path)).body == b"the clip"
        assert (await made.ask(EDGE, "/media/clock-skew/master.m3u8")).body == b"the clip"

    visit(tmp_path, (ORIGIN, HUB, EDGE), play)


def test_a_badge_is_renewed_before_it_ends() -> None:
    now = [1000.0]
    badge = Badge("key", lambda: now[0])
    first = badge.headers()
    now[0] += 20
    assert badge.headers() == first
    now[0] += 20
    assert badge.headers() != first


def watch(title: str, territory: str, at: float | None = None) -> str:
    """What stands before a path; with `at` as if it had been signed then."""
    tokens = Tokens(SESSION_KEY) if at is None else Tokens(SESSION_KEY, lambda: at)
    return watch_prefix(tokens, title, territory)


def path_of(film: Published) -> str:
    return media_path(f"{film.folder}/{SEGMENT}")


async def licence(made: Platform, who: Mapping[str, str]) -> Answer:
    return await made.ask(GATEWAY, "/licence", "POST", headers=who, json={"title": FILM})


async def listed(made: Platform, who: Mapping[str, str], path: str) -> list[str]:
    return [each["id"] for each in (await made.ask(GATEWAY, path, headers=who)).json["titles"]]
