"""How much of what a hundred viewers ask for the edges have, and how much is left to the origin.

`pytest tests/benchmarks/test_hit_ratio.py --run-benchmarks -s`

A hit is a request of a viewer that the edge it came to answered without waiting for anybody. The origin's share is the
bytes of media that the origin sent, to whomever, of those that edges sent to viewers; with the fill means that what the
window's fill took from the origin counts too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from target_platform.delivery.files import file_of
from target_platform.viewers.popularity import pick
from tests.benchmarks.delivery_stand import EDGES, HUBS, ORIGIN, Audience, Stand, media

TITLES = tuple(f"title-{number:03d}" for number in range(200))
ZIPF_EXPONENT = 1.0
VIEWERS, TIME_SCALE = 100, 4.0
COLD_SECONDS, MEASURED_SECONDS = 20.0, 50.0
YESTERDAY_PLAYS = 5_000
HUB_CACHES = 4
HIT_RATIO, ORIGIN_SHARE = 0.98, 0.02
FAST = {"bytes_per_second": 16 * 2**20, "cold_seconds": 0}
"""So that the window is short, and is open when it is opened: what is measured begins when it has ended."""

SHORT = {"stale_while_revalidate_seconds": 30}
"""Playlists of titles that are watched less often than twice in half a minute make somebody wait."""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("delivery")
    catalogue = len(TITLES) * media(folder / "media")
    edge = catalogue // 10
    sizes = [f"{size / 1e6:.0f} MB" for size in (catalogue, edge, HUB_CACHES * edge)]
    print("\ncatalogue {}; each edge {}, each hub {}".format(*sizes))
    made = Stand(folder, TITLES, {"edge": edge, "hub": HUB_CACHES * edge})
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def yesterday(stand: Stand) -> dict[str, float]:
    """What viewers asked for: measured for a while from cold, and as many plays as an evening has with that walk."""
    stand.start(fill={"ahead_segments": 0})
    measured(stand, "cold, nothing planned, nothing ahead", COLD_SECONDS, "yesterday")
    seen = max((stand.get(name, "/demand")["files"] for name in HUBS), key=len)
    stand.stop()
    return evening(seen)


def test_hit_ratio(stand: Stand, yesterday: dict[str, float]) -> None:
    stand.start(fill={"cold_seconds": 0})
    measured(stand, "cold, nothing planned, ahead of viewers", COLD_SECONDS, "today")
    stand.stop()
    restarted(stand, yesterday, fill={"ahead_segments": 0, **FAST})
    measured(stand, "filled, nothing ahead", COLD_SECONDS, "today")
    stand.stop()
    restarted(stand, yesterday, fill=FAST, caches=SHORT)
    measured(stand, "filled, ahead of viewers, playlists old after 34 s", MEASURED_SECONDS, "today")
    stand.stop()
    restarted(stand, yesterday, fill=FAST)
    hits, origin = measured(stand, "filled, ahead of viewers", MEASURED_SECONDS, "today")
    assert hits >= HIT_RATIO
    assert origin <= ORIGIN_SHARE


def restarted(stand: Stand, yesterday: dict[str, float], **changes: Any) -> None:
    """Cold; then a fill window passes."""
    stand.start(**changes)
    for name in HUBS:
        stand.get(name, "/demand", {"files": yesterday})
    seconds = stand.fill()
    print(f"\nfilled in {seconds:.0f} s: the origin sent {stand.media_bytes([ORIGIN]) / 1e6:.0f} MB", end="")


def measured(stand: Stand, what: str, seconds: float, seed: str) -> tuple[float, float]:
    """The share of hits, and that of the origin without the fill."""
    filled = stand.media_bytes([ORIGIN])
    audience = Audience(stand, TITLES, ZIPF_EXPONENT, TIME_SCALE)
    audience.watch(VIEWERS, seconds, seed)
    hits, misses = stand.asked("hit"), stand.asked("miss")
    seen, origin = stand.media_bytes(EDGES), stand.media_bytes([ORIGIN])
    between = stand.media_bytes(HUBS)
    starts = sorted(audience.starts_ms)
    print(
        f"\n{what}: {hits / (hits + misses):.2%} of {hits + misses:.0f} requests were hits, {misses:.0f} waited; "
        f"origin {(origin - filled) / seen:.2%} of {seen / 1e6:.0f} MB ({origin / seen:.2%} with the fill); "
        f"hubs sent {between / 1e6:.0f} MB; start p95 {starts[int(0.95 * len(starts))]:.0f} ms "
        f"of {len(starts)}, {audience.failed} failed",
        end="",
    )
    return hits / (hits + misses), (origin - filled) / seen


def evening(seen: dict[str, float]) -> dict[str, float]:
    """How often each file is asked for in `YESTERDAY_PLAYS`: titles drawn as viewers draw them, and walked as seen."""
    walk: defaultdict[str, float] = defaultdict(float)
    plays = sum(times for path, times in seen.items() if (file := file_of(path)) and file.number == 0)
    for path, times in seen.items():
        walk[path.split("/", 3)[3]] += times / plays
    random = Random("yesterday")
    played = Counter(pick(TITLES, ZIPF_EXPONENT, random) for _ in range(YESTERDAY_PLAYS))
    return {f"/media/{title}/{name}": count * part for title, count in played.items() for name, part in walk.items()}
