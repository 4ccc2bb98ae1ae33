"""An origin that answers 500 for a while: what viewers see of it, how often it is asked, and what is after it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import yaml
from starlette.requests import Request
from starlette.responses import Response

from target_platform.kit.answer import problem
from target_platform.services.origin import Origin
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Platform, media, patient, visit

ORIGIN, HUB, EDGE = "here/origin-1", "here/hub-1", "here/edge-1"
SEGMENT = bytes(range(256)) * 1200
FILE, MANIFEST, NEVER_ASKED = "/media/t/segment.ts", "/media/t/master.m3u8", "/media/t/other.ts"
MOMENT_SECONDS = 0.2
VIEWERS, ROUNDS = 10, 20


class Failing:
    """A switch of the real origin: while it is on, every file is a 500."""

    on = False


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    switch, real = Failing(), Origin.file

    async def file(origin: Origin, request: Request) -> Response:
        return problem(500, "the disk is on fire") if switch.on else await real(origin, request)

    monkeypatch.setattr(Origin, "file", file)
    return switch


def hasty(folder: Path) -> None:
    """Manifests are old at once, and who had no answer asks again a moment later."""
    policies = yaml.safe_load(patient(effective_policies()))
    policies["caches"] |= {"manifest_seconds": 0, "stale_while_revalidate_seconds": 0, "again_seconds": MOMENT_SECONDS}
    policies["defaults"]["breaker"] |= {"reset_seconds": MOMENT_SECONDS}
    (folder / "policies.yaml").write_text(yaml.safe_dump(policies))


def test_viewers_of_what_is_cached_notice_nothing_and_the_origin_is_spared(tmp_path: Path, failing: Failing) -> None:
    media(tmp_path, segment__ts=SEGMENT, master__m3u8=b"old", other__ts=SEGMENT)
    hasty(tmp_path)

    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, FILE)).body == SEGMENT
        assert (await made.ask(EDGE, MANIFEST)).body == b"old"
        failing.on = True
        (tmp_path / "media" / "master.m3u8").write_bytes(b"new")
        began, asked_before = time.monotonic(), len(made.log(ORIGIN))
        for _ in range(ROUNDS):
            segment, manifest, *others = await asyncio.gather(
                made.ask(EDGE, FILE), made.ask(EDGE, MANIFEST), *(made.ask(EDGE, NEVER_ASKED) for _ in range(VIEWERS))
            )
            assert (segment.status, segment.body) == (200, SEGMENT)
            assert (manifest.status, manifest.body) == (200, b"old")
            for other in others:
                assert (other.status, other.headers["Retry-After"]) == (503, "1")
                assert "no tier behind has it" in other.json["error"]
        moments = (time.monotonic() - began) / MOMENT_SECONDS
        # Each of the two that ask the origin: five failures until its breaker opens, what was on its way then, and one
        # attempt each time that it tries again.
        assert len(made.log(ORIGIN)) - asked_before <= 2 * (5 + 5 + moments + 1)
        failing.on = False
        for path, content in ((MANIFEST, b"new"), (NEVER_ASKED, SEGMENT)):
            while (await made.ask(EDGE, path)).body != content:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    visit(tmp_path, (ORIGIN, HUB, EDGE), play)


def test_a_hub_with_nothing_behind_it_is_still_asked_for_what_it_has(tmp_path: Path, failing: Failing) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        assert (await made.ask(HUB, FILE)).body == SEGMENT
        failing.on = True
        for number in range(10):
            answer = await made.ask(EDGE, f"/media/t/{number}.ts")
            assert answer.status == 503
        assert (await made.ask(EDGE, FILE)).body == SEGMENT

    visit(tmp_path, (ORIGIN, HUB, EDGE), play)


def test_an_old_manifest_is_an_error_when_it_is_older_than_is_allowed(tmp_path: Path, failing: Failing) -> None:
    media(tmp_path, master__m3u8=b"old")
    hasty(tmp_path)
    policies = yaml.safe_load((tmp_path / "policies.yaml").read_text())
    policies["caches"]["stale_if_error_seconds"] = 0
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump(policies))

    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, MANIFEST)).status == 200
        failing.on = True
        assert (await made.ask(EDGE, MANIFEST)).status == 503

    visit(tmp_path, (ORIGIN, EDGE), play)
