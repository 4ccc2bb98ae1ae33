"""Caches that fill before anybody asks: real instances over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml
from starlette.requests import Request
from starlette.responses import Response

from target_platform.delivery import fill, wishes
from target_platform.delivery.forecast import forecast
from target_platform.delivery.listing import Listing
from target_platform.kit.answer import problem
from target_platform.media.published import media_path
from target_platform.services.origin import Origin
from target_platform.stores.objects.interface import ObjectsFailed
from target_platform.weaknesses import effective_policies
from tests.unit.platform.published import FILES, publish
from tests.unit.platform.stage import Platform, badge, media, patient, visit
from tests.unit.platform.test_published_titles import standing

ORIGIN, HUB, EDGE = "here/origin-1", "here/hub-1", "here/edge-1"
SMALL, LARGE = b"s" * 1000, b"l" * 100_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_platform.services.origin.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("target_platform.delivery.wishes.TELL_EVERY_SECONDS", 0.05)
    monkeypatch.setattr("target_platform.delivery.wishes.KEEP_EVERY_SECONDS", 0.05)
    monkeypatch.setattr("target_platform.delivery.fill.LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr("target_platform.delivery.fill.FAILED_PAUSE_SECONDS", 0.05)


@pytest.fixture
def titles(tmp_path: Path) -> Path:
    """Two of them, each the same small clip of one quality."""
    media(tmp_path, master__m3u8=b"#EXTM3U")
    for number in range(4):
        (tmp_path / "media" / "720p" / f"segment-{number:02d}.ts").write_bytes(SMALL)
    file = tmp_path / "titles.yaml"
    file.write_text("[{id: first}, {id: second}]")
    return file


def policies(folder: Path, **fill: Any) -> None:
    all_policies = yaml.safe_load(patient(effective_policies()))
    all_policies["fill"] |= {"ahead_segments": 0, "cold_seconds": 0, **fill}
    (folder / "policies.yaml").write_text(yaml.safe_dump(all_policies))


async def state(made: Platform, name: str) -> Any:
    return (await made.ask(name, "/fill")).json


async def until(condition: Any) -> None:
    while not await condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def filled(made: Platform, name: str) -> None:
    async def is_filled() -> bool:
        now = await state(made, name)
        return bool(now["planned"] and not now["lacking"])

    await until(is_filled)


async def open_window(made: Platform, name: str, seconds: float) -> None:
    body = msgspec.json.encode({"seconds": seconds})
    assert (await made.ask(name, "/fill", "POST", data=body)).json["open"] is (seconds > 0)


def test_in_a_window_a_cold_edge_fetches_what_nobody_has_asked_for_by_way_of_its_hub(
    tmp_path: Path, titles: Path
) -> None:
    policies(tmp_path)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        for title in ("first", "second"):
            for name in ("master.m3u8", *(f"720p/segment-{number:02d}.ts" for number in range(4))):
                assert (await made.ask(EDGE, f"/media/{title}/{name}")).headers["X-Cache"] == "hit"
        for tier in (HUB, ORIGIN):
            assert sum(line.path.startswith("/media") for line in made.log(tier)) == 10

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_a_window_that_is_closed_ends_the_fill_and_the_next_one_goes_on(tmp_path: Path, titles: Path) -> None:
    policies(tmp_path, bytes_per_second=1000)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)

        async def has_begun() -> bool:
            return bool((await state(made, EDGE))["fetched_bytes"])

        await until(has_begun)
        await open_window(made, EDGE, 0)
        stopped = await state(made, EDGE)
        assert 0 < stopped["lacking"] < stopped["planned"]
        await asyncio.sleep(1.2)  # in which a fill that goes on would fetch another segment
        assert (await state(made, EDGE))["fetched_bytes"] == stopped["fetched_bytes"]
        await open_window(made, EDGE, 600)

        async def goes_on() -> bool:
            return bool((await state(made, EDGE))["fetched_bytes"] > stopped["fetched_bytes"])

        await until(goes_on)
        fetched = [line.path for line in made.log(HUB) if line.path.startswith("/media")]
        assert len(fetched) == len(set(fetched)), "nothing is fetched twice"

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_no_more_is_pinned_than_its_share_of_the_cache(tmp_path: Path, titles: Path) -> None:
    policies(tmp_path, share=0.5)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        assert (await state(made, EDGE))["planned_bytes"] == 3014

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles), cache_bytes="6100")


def test_a_hub_knows_what_the_viewers_of_its_edges_ask_for_and_counts_nobody_twice(
    tmp_path: Path, titles: Path
) -> None:
    policies(tmp_path)
    path = "/media/second/720p/segment-00.ts"

    async def play(made: Platform) -> None:
        for _ in range(3):
            await made.ask(EDGE, path)

        async def is_told() -> bool:
            files: Any = (await made.ask(HUB, "/demand")).json["files"]
            return bool(files == {path: pytest.approx(3, rel=0.01)})

        await until(is_told)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_who_comes_back_cold_fills_at_once_by_what_its_hub_remembers(tmp_path: Path, titles: Path) -> None:
    """Also a hub that comes back itself: what it knew is on its disk."""
    policies(tmp_path, cold_seconds=600)

    async def yesterday(made: Platform) -> None:
        await made.ask(EDGE, "/media/second/720p/segment-00.ts")

        async def is_kept() -> bool:
            return (tmp_path / "data" / HUB / "demand.json").exists()

        await until(is_kept)
        assert (await state(made, HUB))["planned"] == 0, "at first nobody had asked for anything"

    async def today(made: Platform) -> None:
        await filled(made, HUB)
        await filled(made, EDGE)
        assert (await made.ask(EDGE, "/media/second/720p/segment-00.ts")).headers["X-Cache"] == "hit"

    visit(tmp_path, (ORIGIN, HUB, EDGE), yesterday, titles_file=str(titles))
    visit(tmp_path, (ORIGIN, HUB, EDGE), today, titles_file=str(titles))


def test_while_the_origin_has_no_list_the_fill_waits_and_then_goes_on(
    tmp_path: Path, titles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies(tmp_path)
    refused: list[Request] = []
    real = Listing.titles

    async def at_first_none(listing: Listing, request: Request) -> Response:
        if len(refused) == 3:
            return await real(listing, request)
        refused.append(request)
        return problem(404, "there is no list")

    monkeypatch.setattr(Listing, "titles", at_first_none)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        assert len(refused) == 3

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_whatever_a_fill_meets_with_it_goes_on(
    tmp_path: Path, titles: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policies(tmp_path)
    failed = asyncio.Event()

    def at_first_broken(*arguments: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise ArithmeticError("a demand that nobody thought of")
        return forecast(*arguments)

    monkeypatch.setattr(fill, "forecast", at_first_broken)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))
    assert "a demand that nobody thought of" in caplog.text


def test_however_much_is_told_a_hub_can_tell_it_on(tmp_path: Path, titles: Path) -> None:
    """Counts add up; what a hub says must be what its edges, and the hub after a start, can read."""
    policies(tmp_path)
    told = msgspec.json.encode({"files": {"/media/second/720p/segment-00.ts": 1e12}})

    async def play(made: Platform) -> None:
        for _ in range(2):
            assert (await made.ask(HUB, "/demand", "POST", data=told, headers=badge())).status == 204
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_only_caches_say_what_is_wanted_and_only_who_is_at_the_machine_opens_a_window(
    tmp_path: Path, titles: Path
) -> None:
    policies(tmp_path)

    async def play(made: Platform) -> None:
        wanted = b'{"files": {"/media/second/720p/segment-00.ts": 5}}'
        assert (await made.ask(HUB, "/demand", "POST", data=wanted)).status == 403
        assert (await made.ask(HUB, "/demand")).json == {"files": {}}
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as session:
            for headers, status in (({}, 403), (badge(), 200)):
                address = f"http://{made.address(HUB)}/fill"
                async with session.post(address, data=b'{"seconds": 60}', headers=headers) as response:
                    assert response.status == status

    visit(tmp_path, (ORIGIN, HUB), play, titles_file=str(titles))


def test_long_paths_do_not_keep_a_hub_from_hearing_of_the_others(
    tmp_path: Path, titles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told at once is no more than a hub listens to, and in more than one piece when there is much."""
    monkeypatch.setattr(wishes, "TOLD_AT_ONCE", 2)
    monkeypatch.setattr(wishes, "TOLD_BYTES", 2 * (wishes.PATH_BYTES + 50))
    policies(tmp_path)
    honest = [f"/media/first/720p/segment-{number:02d}.ts" for number in range(4)]
    long = [f"/media/{name}{'y' * length}/720p/segment-00.ts" for name in "abc" for length in (440, 600)]

    async def play(made: Platform) -> None:
        for path in (*honest, *long):
            assert (await made.ask(EDGE, path)).status == 200

        async def is_told() -> bool:
            heard = (await made.ask(HUB, "/demand")).json["files"]
            return set(heard) == {*honest, *(path for path in long if len(path) <= wishes.PATH_BYTES)}

        await until(is_told)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


def test_what_was_planned_is_let_go_when_no_window_has_planned_it_anew(tmp_path: Path, titles: Path) -> None:
    policies(tmp_path, pinned_seconds=0)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        await open_window(made, EDGE, 0)
        assert (await state(made, EDGE))["planned"] == 0
        new = [f"/media/new-{number}/720p/segment-00.ts" for number in range(5)]
        for path in new:
            await made.ask(EDGE, path)
        for path in new:
            assert (await made.ask(EDGE, path)).headers["X-Cache"] == "hit"

    visit(tmp_path, (ORIGIN, EDGE), play, titles_file=str(titles), cache_bytes="6100")


def test_what_nobody_has_is_not_counted_as_fetched(
    tmp_path: Path, titles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies(tmp_path)
    asked: list[Request] = []

    async def none(origin: Origin, request: Request) -> Response:
        asked.append(request)
        return problem(404, "it has just gone")

    monkeypatch.setattr(Origin, "file", none)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)

        async def is_through() -> bool:
            return len(asked) == 10

        await until(is_through)
        assert (await state(made, EDGE))["fetched_bytes"] == 0

    visit(tmp_path, (ORIGIN, EDGE), play, titles_file=str(titles))


def test_the_next_segments_of_who_watches_are_there_before_they_are_asked_for(tmp_path: Path, titles: Path) -> None:
    policies(tmp_path, ahead_segments=2)

    async def play(made: Platform) -> None:
        first = await made.ask(EDGE, "/media/first/720p/segment-00.ts")
        assert first.headers["X-Cache"] == "miss"

        async def is_ahead() -> bool:
            return b"edge_kept_total 3.0" in (await made.ask(EDGE, "/metrics")).body

        await until(is_ahead)
        for number in (1, 2):
            later = await made.ask(EDGE, f"/media/first/720p/segment-{number:02d}.ts")
            assert later.headers["X-Cache"] == "hit"

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/fill", b'{"seconds": -1}'),
        ("/fill", b'{"seconds": 1e9}'),
        ("/fill", b'{"minutes": 1}'),
        ("/demand", b'{"files": {"/media/first/720p/segment-00.ts": -5}}'),
        ("/demand", b"[]"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, titles: Path, path: str, body: bytes) -> None:
    policies(tmp_path)

    async def play(made: Platform) -> None:
        assert (await made.ask(HUB, path, "POST", data=body, headers=badge())).status == 400
        assert (await made.ask(HUB, "/demand")).json == {"files": {}}
        assert not (await state(made, HUB))["open"]

    visit(tmp_path, (HUB,), play)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"files": {"/media/t/a.ts": "often"}}'])
def test_a_cache_starts_whatever_has_become_of_what_it_wrote_down(tmp_path: Path, titles: Path, damage: bytes) -> None:
    policies(tmp_path)
    kept = tmp_path / "data" / HUB / "demand.json"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(damage)

    async def play(made: Platform) -> None:
        assert (await made.ask(HUB, "/demand")).json == {"files": {}}

    visit(tmp_path, (ORIGIN, HUB), play, titles_file=str(titles))


def test_the_origin_lists_what_there_is_of_a_title(tmp_path: Path, titles: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(ORIGIN, "/files")).json == {"titles": ["first", "second"]}
        listed = (await made.ask(ORIGIN, "/files/first")).json["files"]
        assert listed["/media/first/720p/segment-03.ts"] == len(SMALL)
        assert (await made.ask(ORIGIN, "/media/first/720p/segment-03.ts")).body == SMALL
        assert len(listed) == 5
        assert (await made.ask(ORIGIN, "/files/unheard-of")).status == 404

    visit(tmp_path, (ORIGIN,), play, titles_file=str(titles))


def test_what_is_published_is_listed_in_its_newest_version_and_filled_before_its_first_viewer(
    tmp_path: Path, titles: Path
) -> None:
    policies(tmp_path)
    published = {title: media_path(publish(tmp_path / "store", title).folder) for title in ("second", "brand-new")}

    async def play(made: Platform) -> None:
        async def is_seen() -> bool:
            return bool((await made.ask(ORIGIN, "/files")).json == {"titles": ["first", "second", "brand-new"]})

        await until(is_seen)
        for title, folder in published.items():
            listed = (await made.ask(ORIGIN, f"/files/{title}")).json["files"]
            assert listed == {f"{folder}/{name}": len(content) for name, content in FILES.items()}
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        first = await made.ask(EDGE, f"{published['brand-new']}/video/h264-240/00001.m4s")
        assert first.headers["X-Cache"] == "hit"

    with standing(tmp_path / "store") as shelf:  # as an origin in another pod sees the store
        visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles), store=shelf)


def test_of_a_title_that_cannot_be_listed_all_others_are_filled_nevertheless(
    tmp_path: Path, titles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Origin.published_files

    def listed(origin: Origin, title: str) -> Mapping[str, int]:
        if title == "first":
            raise ObjectsFailed("the disk is on fire")
        return real(origin, title)

    monkeypatch.setattr(Origin, "published_files", listed)
    policies(tmp_path)

    async def play(made: Platform) -> None:
        await open_window(made, EDGE, 600)
        await filled(made, EDGE)
        assert (await state(made, EDGE))["planned"] == 5
        assert (await made.ask(EDGE, "/media/second/master.m3u8")).headers["X-Cache"] == "hit"

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, titles_file=str(titles))
