"""How media reaches a player: origin, edge and its cache, and which edges a player is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from target_platform.kit.config import Endpoint
from target_platform.kit.rendezvous import steered
from target_platform.media.titles import ALL
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Platform, badge, media, patient, visit

ORIGIN, EDGE = "here/origin-1", "here/edge-1"
SEGMENT = bytes(range(256)) * 1200  # five pieces


def test_a_file_passes_origin_and_edge_unchanged(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT, master__m3u8=b"#EXTM3U")

    async def play(made: Platform) -> None:
        segment = await made.ask(EDGE, "/media/some-title/segment.ts")
        assert segment.body == SEGMENT
        assert segment.headers["Content-Type"] == "video/mp2t"
        assert segment.headers["Content-Length"] == str(len(SEGMENT))
        assert segment.headers["Access-Control-Allow-Origin"] == "*"
        playlist = await made.ask(EDGE, "/media/some-title/master.m3u8")
        assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_however_many_want_a_file_at_once_the_origin_is_asked_once(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        answers = await asyncio.gather(*(made.ask(EDGE, "/media/t/segment.ts") for _ in range(20)))
        assert {answer.body for answer in answers} == {SEGMENT}
        again = await made.ask(EDGE, "/media/t/segment.ts")
        assert again.headers["X-Cache"] == "hit"
        assert len(made.log(ORIGIN)) == 1

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_without_coalescing_each_of_them_asks_the_origin(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)
    (tmp_path / "policies.yaml").write_text(patient(effective_policies(["cache-stampede"])))

    async def play(made: Platform) -> None:
        answers = await asyncio.gather(*(made.ask(EDGE, "/media/t/segment.ts") for _ in range(20)))
        assert {answer.body for answer in answers} == {SEGMENT}
        assert len(made.log(ORIGIN)) > 1
        metrics = (await made.ask(EDGE, "/metrics")).body.decode()
        assert "edge_kept_total 1.0" in metrics

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_two_viewers_wanted_the_next_edge_has_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_platform.delivery.edge.TELL_EVERY_SECONDS", 0.05)
    media(tmp_path, segment__ts=SEGMENT, other__ts=SEGMENT)

    async def play(made: Platform) -> None:
        for path in ("/media/t/segment.ts", "/media/t/segment.ts", "/media/t/other.ts"):
            await made.ask(EDGE, path)
        next_edge = "here/edge-2"
        while b"edge_kept_total 1.0" not in (await made.ask(next_edge, "/metrics")).body:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await made.ask(next_edge, "/media/t/segment.ts")).headers["X-Cache"] == "hit"
        assert (await made.ask(next_edge, "/media/t/other.ts")).headers["X-Cache"] == "miss"

    visit(tmp_path, (ORIGIN, "here/edge-2", "there/edge-1", EDGE), play)


def test_an_edge_is_told_of_files_only_by_caches_only_and_fetches_nothing_else(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        told = b'{"paths": ["/load", "/media/t/segment.ts"]}'
        refused = await made.ask(EDGE, "/wanted", "POST", data=told)
        assert refused.status == 403
        assert (await made.ask(EDGE, "/wanted", "POST", data=told, headers=badge())).status == 204
        while not made.log(ORIGIN):  # noqa: ASYNC110  it is a file
            await asyncio.sleep(0.01)
        assert [line.path for line in made.log(ORIGIN)] == ["/media/t/segment.ts"]

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_two_titles_are_two_files_to_a_cache(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        for title in ("a", "b"):
            await made.ask(EDGE, f"/media/{title}/segment.ts")
        assert len(made.log(ORIGIN)) == 2

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_the_bytes_in_the_edges_log_are_those_that_were_received(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT, master__m3u8=b"#EXTM3U")

    async def play(made: Platform) -> None:
        paths = ["/media/t/segment.ts", "/media/t/master.m3u8", "/media/t/none.ts"] * 5
        answers = await asyncio.gather(*(made.ask(EDGE, path) for path in paths))
        assert sum(line.bytes for line in made.log(EDGE)) == sum(len(answer.body) for answer in answers)

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_viewer_who_goes_away_is_not_counted_as_if_it_had_got_everything(tmp_path: Path) -> None:
    media(tmp_path, large__ts=bytes(32 << 20))

    async def play(made: Platform) -> None:
        host, port = made.address(EDGE).split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(b"GET /media/t/large.ts HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        async with asyncio.timeout(30):
            while not made.log(EDGE):  # noqa: ASYNC110  it is a file
                await asyncio.sleep(0.01)
        [line] = made.log(EDGE)
        assert line.bytes < 31 << 20

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_the_origin_of_the_other_region_stands_in(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, "/media/t/segment.ts")).body == SEGMENT

    visit(tmp_path, ("there/origin-1", EDGE), play)


def test_without_an_origin_what_is_cached_is_served_and_the_rest_is_a_503(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, "/media/t/segment.ts")).status == 503
        assert (await made.ask(EDGE, "/healthz")).status == 200

    visit(tmp_path, (EDGE,), play)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/%2e%2e/secret",
        "/720p/..%2f..%2fsecret",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/link",
        "/a%00b",
        "/720p",
        "/",
        "/" + "x" * 3000,
    ],
)
def test_the_origin_serves_files_of_its_folder_and_nothing_else(tmp_path: Path, path: str) -> None:
    media(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "media" / "link").symlink_to(tmp_path / "secret")

    async def play(made: Platform) -> None:
        assert (await made.ask(ORIGIN, f"/media/t{path}")).status == 404

    visit(tmp_path, (ORIGIN,), play)


def edges(*names: str) -> list[Endpoint]:
    return [Endpoint(instance=name, region=name.partition("/")[0], address="") for name in names]


FOUR = edges("there/edge-1", "here/edge-1", "there/edge-2", "here/edge-2")


def test_edges_of_the_own_region_come_first_and_a_title_has_its_own_order() -> None:
    orders = {title.id: [edge.instance for edge in steered(title.id, FOUR, "here")] for title in ALL}
    for order in orders.values():
        assert [name.partition("/")[0] for name in order] == ["here", "here", "there", "there"]
    assert {order[0] for order in orders.values()} == {"here/edge-1", "here/edge-2"}


def test_when_an_edge_is_gone_only_its_titles_move() -> None:
    more = [*FOUR, *edges("here/edge-3")]
    for title in ALL:
        before = [each.instance for each in steered(title.id, more, "here")]
        after = [each.instance for each in steered(title.id, FOUR, "here")]
        assert after == [name for name in before if name != "here/edge-3"]
