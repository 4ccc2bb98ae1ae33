"""Keys in a real browser: Chromium decrypts and shows what the platform gives it the key of, and nothing else."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from target_platform.media.ffmpeg import find_binary
from target_platform.services.licence import content_key
from tests.unit.platform.stage import Platform, platform

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = Path(__file__).with_name("clearkey.html")
TITLE = "split-brain"
SECRET = "secret"
"""What the stage's licence servers derive keys from."""

STAGE = ("origin", "streams", "catalog", "identity", "licence", "hub", "edge", "playback", "gateway")
PATIENCE_SECONDS = 150

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def protected(folder: Path) -> Path:
    """Three seconds of a moving picture, by common encryption ("cenc") with the title's key from the first frame."""
    clear, encrypted = folder / "clear.mp4", folder / "media" / "protected.mp4"
    encrypted.parent.mkdir()
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3"]
    codec = ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]
    _run([find_binary("ffmpeg"), "-loglevel", "error", *picture, *codec, str(clear)])
    key = content_key(SECRET, TITLE)
    packing = ["--enable_raw_key_encryption", "--protection_scheme", "cenc", "--clear_lead", "0"]
    keys = f"label=:key_id={_hex(key.kid)}:key={_hex(key.k)}"
    _run([find_binary("packager"), f"in={clear},stream=video,output={encrypted}", *packing, "--keys", keys])
    return encrypted


def test_a_browser_shows_a_title_with_its_licence_and_no_frame_of_it_without(tmp_path: Path) -> None:
    protected(tmp_path)
    seen = asyncio.run(watched(tmp_path))
    assert "failed" not in seen, seen["failed"]
    [kid] = seen["kids"]
    assert kid == content_key(SECRET, TITLE).kid, "what is in the media is what the licence server knows"

    stranger, slow = seen["stranger"], seen["slow"]
    assert (stranger["status"], slow["status"]) == (403, 403)
    assert "not signed by the device browser" in stranger["error"]
    assert "the clock of the device browser is 1" in slow["error"]
    assert (seen["without"]["frames"], seen["without"]["at"]) == (0, 0)

    assert (seen["licence"]["status"], seen["licence"]["device"]) == (200, "browser")
    assert seen["statuses"] == ["usable"]
    assert seen["with"]["frames"] > 10
    assert seen["with"]["at"] > 0.5
    assert seen["broken"] is None
    assert (seen["kept"]["title"], seen["kept"]["device"]) == (TITLE, "browser"), "what it stores, it may ask about"
    refusal = f"the plan basic plays on 1 device at a time, and this one does: browser ({TITLE})"
    assert (seen["second"]["status"], seen["second"]["error"]) == (409, refusal)


async def watched(folder: Path) -> dict[str, Any]:
    """What the page says that it saw."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        platform(folder, [f"here/{name}-1" for name in STAGE]) as made,
        page_served(made) as (address, seen),
        chromium(address),
    ):
        said: dict[str, Any] = json.loads(await seen)
        return said


@asynccontextmanager
async def page_served(made: Platform) -> AsyncIterator[tuple[str, asyncio.Future[bytes]]]:
    """The page, and the gateway beside it as a site has it: behind one name."""
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE.read_text(), content_type="text/html")

    async def tell(request: web.Request) -> web.Response:
        seen.set_result(await request.read())
        return web.Response()

    async def gateway(request: web.Request) -> web.Response:
        token = {"Authorization": request.headers.get("Authorization", "")}
        answer = await made.ask("here/gateway-1", request.path, "POST", data=await request.read(), headers=token)
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    site = web.Application()
    site.add_routes([web.get("/", page), web.post("/seen", tell), web.post("/{path:.+}", gateway)])
    runner = web.AppRunner(site)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def chromium(address: str) -> AsyncIterator[Path]:
    """A browser that shows a page, with a profile of its own, which is what the block gets."""
    assert CHROMIUM is not None
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio")
    autoplay = "--autoplay-policy=no-user-gesture-required"
    with tempfile.TemporaryDirectory(prefix="clearkey", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *options,
            autoplay,
            "--remote-debugging-port=0",  # headless, it would end as soon as the page is loaded
            f"--user-data-dir={profile}",
            address,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield Path(profile)
        finally:
            process.kill()
            await process.wait()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _hex(key: str) -> str:
    return urlsafe_b64decode(key + "==").hex()
