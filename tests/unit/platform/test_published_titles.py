"""What the pipeline has published, from the store through origin, catalogue, playback, hub and edge to a player."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from target_platform.delivery import newcomers, shown
from target_platform.media.published import media_path
from target_platform.pipeline.shelf import shelf
from target_platform.services import origin
from target_platform.stores.objects.interface import NotThere, ObjectsFailed, OutOfRange
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.objects.over_http import HttpObjects
from tests.unit.platform.published import FILES, publish
from tests.unit.platform.stage import Answer, Platform, media, signed_in, visit

ORIGIN, CATALOG, HUB, EDGE = "here/origin-1", "here/catalog-1", "here/hub-1", "here/edge-1"
PLAYBACK, GATEWAY = "here/playback-1", "here/gateway-1"
STAGE = (ORIGIN, CATALOG, "here/recommendations-1", HUB, EDGE, PLAYBACK, GATEWAY)
FILM, SEGMENT = "the-film", "video/h264-240/00001.m4s"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(shown, "ASK_SECONDS", 0.1)


def test_a_title_that_is_published_while_the_platform_runs_can_be_watched_and_one_that_is_not_shows_the_clip(
    tmp_path: Path,
) -> None:
    media(tmp_path, master__m3u8=b"the clip")

    async def play(made: Platform) -> None:
        assert (await made.ask(CATALOG, f"/titles/{FILM}")).status == 404
        published = publish(tmp_path / "store", FILM)
        known = await until(lambda: made.ask(CATALOG, f"/titles/{FILM}"), lambda said: said.status == 200)
        assert known.json == {"id": FILM, "name": "The Film", "minutes": 2}
        assert FILM in [each["id"] for each in (await made.ask(CATALOG, "/titles")).json["titles"]]
        home = (await made.ask(GATEWAY, "/home", headers=signed_in())).json
        assert home["personalised"]
        assert FILM in [each["id"] for each in home["titles"]]
        started = await until(lambda: start(made, FILM), lambda said: "dash" in said.json)
        offer = started.json
        assert offer["playlist"] == media_path(published.hls)
        assert (offer["languages"], offer["subtitles"], offer["seconds"]) == (["en", "de"], ["en"], 64.0)
        assert offer["artwork"] == {"poster": media_path(published.artwork["poster"])}
        for name, content in FILES.items():
            got = await made.ask(EDGE, offer["playlist"].replace("master.m3u8", name))
            assert (got.status, got.body) == (200, content)
        clip = (await start(made, "split-brain")).json
        assert "dash" not in clip
        assert (await made.ask(EDGE, clip["playlist"])).body == b"the clip"

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_the_first_viewer_of_a_new_title_meets_a_hit_at_edge_and_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "LOOK_SECONDS", 0.1)

    async def play(made: Platform) -> None:
        film = publish(tmp_path / "store", FILM)
        wanted = [media_path(f"{film.folder}/{name}") for name in FILES]
        await until(lambda: kept(made, EDGE), lambda said: f"edge_kept_total {len(wanted)}.0" in said.body.decode())
        for server in (HUB, EDGE):
            assert [(await made.ask(server, path)).headers["X-Cache"] for path in wanted] == ["hit"] * len(wanted)
        fetched = [each.path for each in made.log(ORIGIN) if each.path in wanted]
        assert sorted(fetched) == sorted(wanted), "each of them once, by the hub"

    visit(tmp_path, (ORIGIN, HUB, EDGE), play, store=str(tmp_path / "store"))


def test_one_new_title_that_cannot_be_listed_keeps_no_other_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "LOOK_SECONDS", 0.1)
    real = origin.Origin.published_files

    def listed(shown: origin.Origin, title: str) -> Mapping[str, int]:
        if title == "a-film":
            raise ObjectsFailed("the disk is on fire")
        return real(shown, title)

    monkeypatch.setattr(origin.Origin, "published_files", listed)
    publish(tmp_path / "store", "a-film")
    publish(tmp_path / "store", FILM)

    async def play(made: Platform) -> None:
        await until(lambda: kept(made, HUB), lambda said: f"edge_kept_total {len(FILES)}.0" in said.body.decode())

    visit(tmp_path, (ORIGIN, HUB), play, store=str(tmp_path / "store"))


def test_new_titles_share_what_may_be_fetched_at_once_and_what_is_left_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "LOOK_SECONDS", 0.05)
    films = [publish(tmp_path / "store", title) for title in ("a-film", FILM)]
    room = 1.5 * len(FILES[SEGMENT])  # for all that is small, and one of two segments

    async def play(made: Platform) -> None:
        few = f"edge_kept_total {2 * len(FILES) - 1}.0"
        await until(lambda: kept(made, HUB), lambda said: few in said.body.decode())
        for film in films:
            assert (await made.ask(HUB, media_path(film.hls))).headers["X-Cache"] == "hit"
        monkeypatch.setattr(newcomers, "AGAIN_SECONDS", 0.5)
        every = f"edge_kept_total {2 * len(FILES)}.0"
        await until(lambda: kept(made, HUB), lambda said: every in said.body.decode())

    settings = {"store": str(tmp_path / "store"), "cache_bytes": str(int(room / newcomers.SHARE))}
    visit(tmp_path, (ORIGIN, HUB), play, **settings)


def test_an_answer_of_a_shelf_that_breaks_off_is_a_store_that_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def break_off() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

        thread = threading.Thread(target=break_off)
        thread.start()
        try:
            with pytest.raises(ObjectsFailed, match="cannot be asked"):
                HttpObjects(f"http://127.0.0.1:{server.getsockname()[1]}").get("titles/t")
        finally:
            thread.join()


def test_what_a_start_needs_comes_first_and_what_comes_later_is_left_out() -> None:
    segments = [f"/media/t/{quality}/{number:05d}.m4s" for quality in ("a", "b") for number in (1, 2, 6)]
    first = newcomers.first_files([*segments, "/media/t/a/init.mp4", "/media/t/master.m3u8"])
    numbers = [path[-9:-4] for path in first]
    assert first[:2] == ["/media/t/a/init.mp4", "/media/t/master.m3u8"]
    assert numbers[2:] == ["00001", "00001", "00002", "00002"]


async def kept(made: Platform, server: str) -> Answer:
    return await made.ask(server, "/metrics")


def test_a_device_is_offered_what_it_decodes_up_to_the_height_of_its_screen(tmp_path: Path) -> None:
    publish(tmp_path / "store", FILM)

    async def play(made: Platform) -> None:
        await until(lambda: start(made, FILM), lambda said: "dash" in said.json)
        small = (await start(made, FILM, codecs=["h264"], max_height=480)).json
        assert [each["playlist"].rpartition("/")[2] for each in small["streams"]] == ["h264-240.m3u8"]
        modern = (await start(made, FILM, codecs=["av1", "h264"])).json
        assert [(each["codec"], each["height"]) for each in modern["streams"]] == [
            ("h264", 240),
            ("av1", 240),
            ("h264", 720),
        ]
        assert (await start(made, FILM, codecs=["mpeg2"])).status == 406

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_who_watches_a_version_that_is_replaced_goes_on_with_it(tmp_path: Path) -> None:
    first = publish(tmp_path / "store", FILM)

    async def play(made: Platform) -> None:
        await until(lambda: start(made, FILM), lambda said: said.json.get("playlist") == media_path(first.hls))
        second = publish(tmp_path / "store", FILM, number=2)
        await until(lambda: start(made, FILM), lambda said: said.json.get("playlist") == media_path(second.hls))
        for version in (first, second):
            got = await made.ask(EDGE, media_path(f"{version.folder}/{SEGMENT}"))
            assert (got.status, got.body) == (200, FILES[SEGMENT])
        assert first.folder != second.folder

    visit(tmp_path, STAGE, play, store=str(tmp_path / "store"))


def test_nothing_else_of_the_store_can_be_had(tmp_path: Path) -> None:
    publish(tmp_path / "store", FILM)
    version = "/media/the-film/0000000000000001/000000000001"
    paths = (
        f"{version}/../../../../masters/secret.mp4",
        f"{version}/..%2f..%2f..%2f..%2fmasters/secret.mp4",
        "/media/..%2fmasters/0000000000000001/000000000001/secret.mp4",
        f"{version}/",
        f"{version}/nothing.m4s",
    )

    async def play(made: Platform) -> None:
        await until(lambda: made.ask(ORIGIN, "/published"), lambda said: said.status == 200)
        assert [(await made.ask(ORIGIN, path)).status for path in paths] == [404] * len(paths)

    visit(tmp_path, (ORIGIN,), play, store=str(tmp_path / "store"))


def test_a_store_that_cannot_be_read_is_told_and_the_clip_is_served_all_the_same(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=b"the clip")

    async def play(made: Platform) -> None:
        assert (await made.ask(ORIGIN, "/published")).status == 503
        film = "/media/the-film/0000000000000001/000000000001/master.m3u8"
        assert (await made.ask(ORIGIN, film)).status == 503
        assert (await made.ask(ORIGIN, "/media/split-brain/master.m3u8")).body == b"the clip"

    visit(tmp_path, (ORIGIN,), play, store="http://127.0.0.1:1")


def test_a_folder_that_is_not_there_is_an_empty_store_and_is_not_made(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        listed = await until(lambda: made.ask(ORIGIN, "/published"), lambda said: said.status == 200)
        assert listed.json["titles"] == []
        assert (await made.ask(ORIGIN, f"/published?have={listed.json['mark']}")).status == 204

    visit(tmp_path, (ORIGIN,), play, store=str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_an_origin_far_from_the_store_reads_it_over_http(tmp_path: Path) -> None:
    published = publish(tmp_path / "store", FILM)

    async def play(made: Platform) -> None:
        listed = await until(lambda: made.ask(ORIGIN, "/published"), lambda said: said.status == 200)
        assert [each["title"] for each in listed.json["titles"]] == [FILM]
        assert (await made.ask(ORIGIN, media_path(f"{published.folder}/{SEGMENT}"))).body == FILES[SEGMENT]

    with standing(tmp_path / "store") as address:
        visit(tmp_path, (ORIGIN,), play, store=address)


def test_a_shelf_shows_what_is_published_in_ranges_and_nothing_else(tmp_path: Path) -> None:
    published = publish(tmp_path / "store", FILM)
    with standing(tmp_path / "store") as address:
        objects = HttpObjects(address)
        key = f"{published.folder}/{SEGMENT}"
        assert objects.get(key, 10, 19) == FILES[SEGMENT][10:20]
        assert objects.get(key, 10) == FILES[SEGMENT][10:]
        assert [each.key for each in objects.under("current/")] == ["current/the-film.json"]
        assert {each.key for each in objects.under(f"{published.folder}/")} == {
            f"{published.folder}/{name}" for name in FILES
        }
        with pytest.raises(OutOfRange):
            objects.get(key, len(FILES[SEGMENT]))
        for nothing in ("masters/secret.mp4", "titles/other/file", "titles/../masters/secret.mp4"):
            with pytest.raises(NotThere):
                objects.get(nothing)
        for prefix in ("", "masters/", "titles"):
            with pytest.raises(NotThere):
                list(objects.under(prefix))
    with pytest.raises(ObjectsFailed, match="cannot be asked"):
        objects.get(key)


@contextmanager
def standing(store: Path) -> Iterator[str]:
    """The address of a shelf."""
    objects = DiskObjects(store / "objects")
    objects.put("masters/secret.mp4", b"the master")
    server = shelf(objects, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        objects.close()


async def start(made: Platform, title: str, **can: object) -> Answer:
    return await made.ask(GATEWAY, f"/play/{title}", "POST", headers=signed_in("ann@here"), json=can)


async def until(ask: Callable[[], Awaitable[Answer]], enough: Callable[[Answer], object]) -> Answer:
    """The first answer that is enough; the stage ends the waiting."""
    while True:
        if enough(said := await ask()):
            return said
        await asyncio.sleep(0.05)
