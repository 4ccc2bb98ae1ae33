"""From a master to viewers: ingested, offered by the platform while it runs, and watched through an edge.

Run by `make test-media`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import gevent
import pytest

from target_platform.media.published import Published, media_path
from target_platform.services.licence import content_key
from target_platform.viewers.behaviour import Device
from target_platform.viewers.directory import Directory
from target_platform.viewers.journey import Journey, Viewer
from target_platform.viewers.report import Reporter
from tests.browser import test_clearkey
from tests.browser.test_clearkey import CHROMIUM, PATIENCE_SECONDS, SECRET, chromium, page_served
from tests.local.pipeline_trial import ingesting, make_master, make_sides, result
from tests.local.test_viewers_player import Events, patient
from tests.unit.platform.stage import Platform, platform

SECONDS, RATE = 6, 24
STAGE = (
    "streams",
    "history",
    "origin",
    "hub",
    "edge",
    "catalog",
    "recommendations",
    "identity",
    "licence",
    "playback",
    "gateway",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published") / "store"


@pytest.fixture(scope="module")
def title(store: Path) -> Iterator[Published]:
    master = make_master(store.parent / "master.mp4", SECONDS, size="640x360", rate=str(RATE))
    words = ["--segment-seconds=2", "--workers=2", *make_sides(store.parent, SECONDS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEADFAST_LICENCE_SECRET", SECRET)
        yield result(ingesting(master, store, *words))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_plays_it_from_the_edge_with_the_licence_of_the_platform(
    title: Published, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_clearkey, "PAGE", Path(__file__).with_name("watch.html"))
    seen = asyncio.run(watched(tmp_path, store))
    assert "failed" not in seen, seen["failed"]
    assert seen["start"]["playlist"] == media_path(title.hls)
    assert seen["kids"] == [content_key(SECRET, "the-film").kid]
    assert seen["seconds"] == pytest.approx(SECONDS, abs=0.2)
    assert seen["height"] == 360
    assert seen["frames"] > RATE, "most of them are left out at four times the speed"
    assert seen["sound"] > 0
    picture = b64decode(seen["screenshot"])
    assert len(picture) > 8000, "a black page takes less than half of that"
    (store.parent / "seen.png").write_bytes(picture)


async def watched(folder: Path, store: Path) -> dict[str, Any]:
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        platform(folder, [f"here/{name}-1" for name in STAGE], store=str(store)) as made,
        page_served(made) as (address, seen),
    ):
        await offered(made)
        async with chromium(address) as profile:
            said: dict[str, Any] = json.loads(await seen)
            return {**said, "screenshot": await screenshot(profile)}


async def screenshot(profile: Path) -> str:
    """What the browser shows, as PNG in base64: of a protected picture a page itself cannot see anything."""
    port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            [page] = [each for each in await answer.json() if each["type"] == "page"]
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as wire:
            await wire.send_json({"id": 1, "method": "Page.captureScreenshot"})
            return str((await wire.receive_json())["result"]["data"])


async def offered(made: Platform) -> None:
    """Wait until playback has heard of the title."""
    while True:
        if "dash" in (await made.ask("here/playback-1", "/start/the-film", "POST")).json:
            return
        await asyncio.sleep(0.05)


def test_viewers_watch_it_with_picture_and_sound_and_nothing_fails(
    title: Published, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_platform.viewers.journey.pick", lambda *_: "the-film")
    with running(tmp_path, store) as made:
        directory = Directory(regions=("here",), gateways={"here": (f"http://{made.address('here/gateway-1')}",)})
        events = Events()
        viewer = Viewer(number=0, region="here", device=Device(name="tv", max_height=2160, weight=1.0))
        journey = Journey(viewer, directory, patient(mean_segments=1000), Reporter(events.fire, "here"))
        gevent.spawn(journey.travel, Random(3), 8.0).get(timeout=60)
        served = {each.path for each in made.log("here/hub-1")}  # who comes by no provider is sent to hubs
    assert events.failed() == set()
    [watch] = events.named("watch")
    assert watch["response_time"] >= 1000 * SECONDS / 8 - 500
    folder = media_path(title.folder)
    sounds = [path for path in served if path.startswith(f"{folder}/audio/aac-en/") and path.endswith(".m4s")]
    assert len(sounds) == SECONDS / 2
    assert len(events.named("segment")) == 2 * (1 + SECONDS / 2), (
        "of picture and sound what a decoder needs first, and all"
    )
    assert events.named("bitrate_kbps")[0]["response_time"] > 0


@contextmanager
def running(folder: Path, store: Path) -> Iterator[Platform]:
    """The stage in a thread, since viewers do not run in an event loop."""
    made: list[Platform] = []
    ready, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with platform(folder, [f"here/{name}-1" for name in STAGE], store=str(store)) as stage:
            await offered(stage)
            made.append(stage)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(timeout=60)
        yield made[0]
    finally:
        over.set()
        thread.join()
