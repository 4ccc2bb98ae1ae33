"""Viewers driven as `chaos run` drives them: Locust in a child process, open loop."""

from __future__ import annotations

from pathlib import Path

from chaos.model.experiment import Load
from chaos.model.sample import LoadReport
from tests.local.load_trial import collect, finish, started, streams_of
from tests.local.viewers_fakes import REGIONS, FakePlatform, fake_platform


def _watch(platform: FakePlatform, folder: Path, seconds: float) -> list[LoadReport]:
    load = Load(locustfile="viewers", arrivals_per_second=15, time_scale=16, drain_seconds=4)
    with started(load, folder, CHAOS_STATE_FILE=str(platform.state_file(folder))) as source:
        return collect(source, seconds) + finish(source)


def _media_bytes(reports: list[LoadReport]) -> int:
    return sum(s.bytes for name in ("playlist", "segment", "unfinished_bytes") for s in streams_of(reports, name))


def test_the_bytes_that_viewers_count_are_those_that_the_edges_sent(tmp_path: Path) -> None:
    with fake_platform() as platform:
        reports = _watch(platform, tmp_path, seconds=2.5)
        sent = sum(edge.bytes_sent for edge in platform.edges)
    assert sum(s.count for s in streams_of(reports, "segment")) > 50
    assert abs(_media_bytes(reports) - sent) <= 0.001 * sent


def test_every_region_has_viewers_and_nobody_fails_on_a_healthy_platform(tmp_path: Path) -> None:
    with fake_platform() as platform:
        reports = _watch(platform, tmp_path, seconds=1.5)
    for name in ("sign_up", "session", "home", "title", "play", "licence", "start", "playlist", "segment", "watch"):
        streams = streams_of(reports, name)
        assert {stream.region for stream in streams} == set(REGIONS), name
        assert sum(stream.failures for stream in streams) == 0, name
    for name in ("rebuffer_permille", "bitrate_kbps"):
        assert sum(stream.count for stream in streams_of(reports, name)) > 0, name
    assert all(report.failures == {} for report in reports)
