"""The door for viewers: sign-in, home, titles, play, heartbeats."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.platform.stage import Platform, signed_in, visit

G = "here/gateway-1"
WHOLE = ("here/catalog-1", "here/recommendations-1", "here/hub-1", "here/edge-1", "here/playback-1", G)


def test_a_home_page_is_personal(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        homes = {user: (await made.ask(G, "/home", headers=signed_in(user))).json for user in "ab"}
        assert homes["a"]["personalised"]
        orders = {user: [title["id"] for title in home["titles"]] for user, home in homes.items()}
        assert set(orders["a"]) == set(orders["b"])
        assert orders["a"] != orders["b"]
        assert (await made.ask(G, "/home", headers=signed_in("a"))).json == homes["a"]

    visit(tmp_path, WHOLE, play)


def test_without_recommendations_the_home_page_shows_what_the_catalog_calls_popular(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        home = await made.ask(G, "/home", headers=signed_in())
        assert home.status == 200
        assert not home.json["personalised"]
        popular = await made.ask("here/catalog-1", "/popular")
        assert home.json["titles"] == popular.json["titles"]

    visit(tmp_path, ("here/catalog-1", G), play)


def test_without_anybody_the_home_page_shows_what_is_built_in(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        home = await made.ask(G, "/home", headers=signed_in())
        assert home.status == 200
        assert not home.json["personalised"]
        assert len(home.json["titles"]) >= 3

    visit(tmp_path, (G,), play)


def test_without_the_catalog_recommendations_are_nobodys_in_particular(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        answer = await made.ask("here/recommendations-1", "/for/viewer-1")
        assert answer.status == 200
        assert not answer.json["personalised"]
        assert answer.json["titles"]

    visit(tmp_path, ("here/recommendations-1",), play)


def test_a_stream_starts_with_a_playlist_and_edges(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        answer = await made.ask(G, "/play/split-brain", "POST", json={}, headers=signed_in())
        assert answer.json == {
            "title": "split-brain",
            "playlist": "/media/split-brain/master.m3u8",
            "streams": [
                {
                    "codec": "h264",
                    "width": width,
                    "height": height,
                    "bits_per_second": bits_per_second,
                    "playlist": f"/media/split-brain/{height}p/playlist.m3u8",
                }
                for width, height, bits_per_second in (
                    (426, 240, 264_000),
                    (854, 480, 564_000),
                    (1280, 720, 1_264_000),
                )
            ],
            "edges": [f"http://{made.address(name)}" for name in ("here/hub-1", "here/edge-1")],  # told to a stranger
            "region": "here",
            "licence": "/licence",
            "seat": "",
            "sealed": "/sealed/split-brain/master.m3u8",
        }

    visit(tmp_path, WHOLE, play)


@pytest.mark.parametrize(
    ("can", "heights"),
    [
        ({"codecs": ["av1", "h264"], "max_height": 480}, [240, 480]),
        ({"codecs": ["h264"], "max_height": 100}, [240]),
        ({"max_height": 2160}, [240, 480, 720]),
    ],
)
def test_a_device_is_offered_what_it_decodes_and_no_more_lines_than_it_has(
    tmp_path: Path, can: dict[str, Any], heights: list[int]
) -> None:
    async def play(made: Platform) -> None:
        said = (await made.ask(G, "/play/split-brain", "POST", json=can, headers=signed_in())).json
        assert [each["height"] for each in said["streams"]] == heights

    visit(tmp_path, WHOLE, play)


def test_a_device_that_decodes_nothing_of_it_is_told_what_there_is(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        can = {"codecs": ["vp9", "av1"]}
        answer = await made.ask(G, "/play/split-brain", "POST", json=can, headers=signed_in())
        assert answer.status == 406
        assert answer.json["error"] == "split-brain is offered in h264, and this device decodes only vp9, av1"

    visit(tmp_path, WHOLE, play)


def test_a_title_that_does_not_exist_is_a_404_on_every_way(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        headers = signed_in()
        assert (await made.ask(G, "/titles/split-brain", headers=headers)).json["name"] == "Split Brain"
        assert (await made.ask(G, "/titles/none%2F..", headers=headers)).status == 404
        assert (await made.ask(G, "/play/none", "POST", headers=headers)).status == 404
        assert (await made.ask(G, "/play/split-brain", "POST", data=b"{", headers=headers)).status == 400

    visit(tmp_path, WHOLE, play)


def test_without_the_catalog_a_stream_starts_unchecked(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(G, "/play/anything", "POST", headers=signed_in())).status == 200

    visit(tmp_path, ("here/edge-1", "here/playback-1", G), play)


def test_the_other_region_stands_in_for_a_missing_service(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        answer = await made.ask(G, "/play/split-brain", "POST", headers=signed_in())
        assert answer.json["region"] == "there"

    visit(tmp_path, ("here/edge-1", "there/catalog-1", "there/playback-1", G), play)


def test_a_heartbeat_is_counted(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        beat = {"title": "split-brain", "position_seconds": 12.5, "rebuffer_ms": 40, "something": "new"}
        answer = await made.ask(G, "/heartbeat", "POST", json=beat, headers=signed_in())
        assert answer.status == 204
        metrics = (await made.ask(G, "/metrics")).body.decode()
        assert "heartbeats_total 1.0" in metrics
        assert "heartbeat_rebuffer_ms_total 40.0" in metrics

    visit(tmp_path, (G,), play)


def test_what_players_had_from_their_servers_is_handed_on_to_steering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_platform.services.gateway.REPORTS_EVERY_SECONDS", 0.02)

    async def play(made: Platform) -> None:
        had = {"server": made.address("here/edge-1"), "kbps": 40_000, "fetched": 3}
        nonsense = {"server": "nowhere", "kbps": 1e300}
        beat = {"title": "split-brain", "servers": [had, nonsense]}
        assert (await made.ask(G, "/heartbeat", "POST", json=beat, headers=signed_in())).status == 204
        taken = b'way_reports_total{provider="none"} 1.0'
        while taken not in (await made.ask("here/steering-1", "/metrics")).body:  # noqa: ASYNC110  as Prometheus does
            await asyncio.sleep(0.01)

    visit(tmp_path, ("here/edge-1", "here/steering-1", G), play)


def test_a_heartbeat_is_taken_while_nobody_takes_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_platform.services.gateway.REPORTS_EVERY_SECONDS", 0.02)

    async def play(made: Platform) -> None:
        for _ in range(3):
            beat = {"title": "split-brain", "servers": [{"server": "127.0.0.1:1", "failed": 1}]}
            assert (await made.ask(G, "/heartbeat", "POST", json=beat, headers=signed_in())).status == 204
            await asyncio.sleep(0.03)

    visit(tmp_path, (G,), play)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/home", "GET"), ("/titles/x", "GET"), ("/play/x", "POST"), ("/licence", "POST"), ("/heartbeat", "POST")],
)
def test_without_a_session_nothing_is_served(tmp_path: Path, path: str, method: str) -> None:
    async def play(made: Platform) -> None:
        for headers in (
            {},
            {"Authorization": "Bearer x.1.y"},
            {"Authorization": "Bearer "},
            {"Authorization": "Basic x"},
        ):
            assert (await made.ask(G, path, method, headers=headers)).status == 401

    visit(tmp_path, (G,), play)


def test_a_session_is_good_in_the_other_region_too(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask("there/gateway-1", "/home", headers=signed_in())).status == 200

    visit(tmp_path, (G, "there/gateway-1"), play)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"user": 5}'])
def test_a_sign_in_that_cannot_be_read_is_a_400(tmp_path: Path, body: bytes) -> None:
    async def play(made: Platform) -> None:
        answer: Any = await made.ask(G, "/session", "POST", data=body)
        assert answer.status == 400
        assert answer.json["error"]

    visit(tmp_path, (G,), play)
