"""A viewer against a platform of real sockets that misbehaves: what it does, and what it reports."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from typing import Any

import gevent
import msgspec
import pytest

from target_platform.viewers.accounts import Accounts
from target_platform.viewers.behaviour import Arriving, Behaviour, Device, shipped_behaviour
from target_platform.viewers.directory import read_directory
from target_platform.viewers.dns import Dns
from target_platform.viewers.fetch import Connections, Route
from target_platform.viewers.journey import Belongings, Journey, Viewer
from target_platform.viewers.player import Player, Screening
from target_platform.viewers.report import Reporter
from tests.local.viewers_fakes import FakePlatform, FakeServer, fake_platform

TIME_SCALE = 40.0


class Events:
    """What Locust would be told."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def fire(self, **event: Any) -> None:
        self.all.append(event)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.all if event["name"] == name]

    def failed(self) -> set[str]:
        return {event["name"] for event in self.all if event["exception"] is not None}

    @property
    def media_bytes(self) -> int:
        names = ("playlist", "segment", "unfinished_bytes")
        return sum(event["response_length"] for event in self.all if event["name"] in names)


def patient(mean_segments: float = 8.0) -> Behaviour:
    """Longer than a busy machine takes for anything."""
    behaviour = shipped_behaviour()
    patience = msgspec.structs.replace(
        behaviour.patience, start_deadline_seconds=10, stall_seconds=10, retry_pause_seconds=0.05
    )
    browsing = msgspec.structs.replace(behaviour.browsing, mean_segments=mean_segments)
    return msgspec.structs.replace(behaviour, patience=patience, browsing=browsing)


def impatient(mean_segments: float = 8.0) -> Behaviour:
    """For what they wait for in vain."""
    behaviour = patient(mean_segments)
    patience = msgspec.structs.replace(behaviour.patience, start_deadline_seconds=0.8, stall_seconds=0.4)
    return msgspec.structs.replace(behaviour, patience=patience)


TV = Device(name="tv", max_height=720, weight=1)


def travel(
    platform: FakePlatform,
    folder: Path,
    edge_failover: str = "next-edge",
    device: Device = TV,
    behaviour: Behaviour | None = None,
) -> Events:
    """One session of viewer 0, whose home is the region east."""
    events = Events()
    directory = read_directory({"CHAOS_STATE_FILE": str(platform.state_file(folder, edge_failover))})
    viewer = Viewer(number=0, region="east", device=device)
    journey = Journey(viewer, directory, behaviour or patient(), Reporter(events.fire, viewer.region))
    gevent.spawn(journey.travel, Random(3), TIME_SCALE).get(timeout=60)
    return events


def begin_whole_title(platform: FakePlatform, folder: Path, edge_failover: str) -> tuple[Events, gevent.Greenlet]:
    """The same viewer, who means to watch to the end; returns while it is still watching."""
    events = Events()
    directory = read_directory({"CHAOS_STATE_FILE": str(platform.state_file(folder, edge_failover))})
    viewer = Viewer(number=0, region="east", device=TV)
    behaviour = impatient(mean_segments=1000) if edge_failover == "none" else patient(mean_segments=1000)
    journey = Journey(viewer, directory, behaviour, Reporter(events.fire, viewer.region))
    return events, gevent.spawn(journey.travel, Random(3), TIME_SCALE)


def test_a_viewer_browses_starts_watches_and_reports_all_of_it(tmp_path: Path) -> None:
    with fake_platform() as platform:
        events = travel(platform, tmp_path)
        assert [event["name"] for event in events.all[:4]] == ["sign_up", "home", "title", "play"]
        assert events.failed() == set()
        assert all(event["context"] == {"region": "east"} for event in events.all)
        [start], [watch] = events.named("start"), events.named("watch")
        assert start["response_time"] >= events.named("play")[0]["response_time"]
        assert watch["response_time"] >= 1000 * 4 * (len(events.named("segment")) - 1) / TIME_SCALE
        assert 321 < events.named("bitrate_kbps")[0]["response_time"] <= 645.216
        assert events.named("heartbeat")
        _until(lambda: events.media_bytes == platform.edges[0].bytes_sent > 0)  # an edge counts when it has sent


def test_a_viewer_of_a_healthy_platform_hardly_waits(tmp_path: Path) -> None:
    with fake_platform() as platform:
        sessions = (travel(platform, tmp_path).named("rebuffer_permille")[0] for _ in range(5))
        assert any(each["response_time"] < 100 for each in sessions), "a busy machine is not late in every session"


def test_a_small_screen_never_asks_for_more_than_it_can_show(tmp_path: Path) -> None:
    with fake_platform() as platform:
        events = travel(platform, tmp_path, device=Device(name="phone", max_height=240, weight=1))
        assert events.named("bitrate_kbps")[0]["response_time"] == 321.104
        assert not any("480p" in path for path in platform.edges[0].requests)


def test_a_dead_edge_is_left_for_the_next_and_the_viewer_sees_one_success(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.edges[0].close()
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        assert len(events.named("start")) == len(events.named("watch")) == 1
        _until(lambda: events.media_bytes == platform.edges[1].bytes_sent)


def test_an_edge_that_hangs_costs_its_timeout_once(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.edges[0].mode = "hang"
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        assert events.named("start")[0]["response_time"] >= 300
        assert len(platform.edges[0].requests) == 1


def test_half_a_segment_is_not_shown_but_its_bytes_are_counted(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.edges[0].mode = "cut"
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        _until(lambda: platform.edges[0].bytes_sent > 0)
        _until(lambda: events.media_bytes == sum(edge.bytes_sent for edge in platform.edges))


def test_without_edge_failover_a_dead_edge_is_a_failed_start(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.edges[0].close()
        events = travel(platform, tmp_path, edge_failover="none", behaviour=impatient())
        assert {"playlist", "start"} <= events.failed()
        assert len(events.named("start")) == 1
        assert "refused" in str(events.named("start")[0]["exception"])
        assert events.named("watch") == []
        assert platform.edges[1].requests == []


def test_an_edge_that_dies_while_watching_is_given_up_after_the_viewers_patience(tmp_path: Path) -> None:
    with fake_platform() as platform:
        events, session = begin_whole_title(platform, tmp_path, "none")
        _close_after_segments(platform.edges[0], 2)
        session.get(timeout=60)
        [watch] = events.named("watch")
        assert "gave up after" in str(watch["exception"])
        assert "start" not in events.failed()
        assert events.named("rebuffer_permille")[0]["response_time"] > 200


def test_a_dead_region_is_left_for_the_other_as_one_success(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.gateways["east"].close()
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        assert len(events.named("home")) == 1
        assert {event["context"]["region"] for event in events.all} == {"east"}
        assert "/home" in platform.gateways["west"].requests


def test_a_gateway_that_is_overloaded_is_left_too(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.gateways["east"].mode = "503"
        assert travel(platform, tmp_path).failed() == set()
        assert platform.gateways["east"].requests == ["/sign-up"]  # then it stays with the one that answered


def test_a_gateway_that_does_not_know_the_session_gets_a_new_one_unseen_by_the_viewer(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.gateways["east"].mode = "logged out"
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        assert len(events.named("sign_up")) == len(events.named("home")) == 1
        assert platform.gateways["east"].requests[:4] == ["/sign-up", "/home", "/session", "/home"]


def test_a_licence_is_had_from_the_other_region_as_one_success(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.gateways["east"].mode = "no licence"
        events = travel(platform, tmp_path)
        assert events.failed() == set()
        assert len(events.named("licence")) == len(events.named("start")) == 1
        assert platform.gateways["west"].requests == ["/licence"]


def test_without_a_licence_there_is_no_picture(tmp_path: Path) -> None:
    with fake_platform() as platform:
        for gateway in platform.gateways.values():
            gateway.mode = "no licence"
        events = travel(platform, tmp_path, behaviour=impatient())
        assert events.failed() == {"licence", "start"}
        assert len(events.named("licence")) > 1, "it was worth another try"
        assert "no licence before" in str(events.named("start")[0]["exception"])
        assert events.named("segment")
        assert events.named("watch") == []


def test_without_licence_failover_the_other_region_is_not_asked(tmp_path: Path) -> None:
    with fake_platform() as platform:
        platform.gateways["east"].mode = "no licence"
        events = Events()
        state_file = platform.state_file(tmp_path, licence_failover="none")
        directory = read_directory({"CHAOS_STATE_FILE": str(state_file)})
        journey = Journey(
            Viewer(number=0, region="east", device=TV), directory, impatient(), Reporter(events.fire, "east")
        )
        gevent.spawn(journey.travel, Random(3), TIME_SCALE).get(timeout=60)
        assert "start" in events.failed()
        assert platform.gateways["west"].requests == []


def test_a_device_plays_a_title_again_with_the_licence_it_has(tmp_path: Path) -> None:
    with fake_platform() as platform:
        events = Events()
        directory = read_directory({"CHAOS_STATE_FILE": str(platform.state_file(tmp_path))})
        viewer, reporter = Viewer(number=0, region="east", device=TV), Reporter(events.fire, "east")
        accounts = Accounts(Arriving(accounts_a_region=1, sign_up_share=0, sign_in_share=0))
        belongings = Belongings(accounts, Dns(directory))
        for _ in range(2):
            journey = Journey(viewer, directory, patient(mean_segments=2), reporter, belongings)
            gevent.spawn(journey.travel, Random(3), TIME_SCALE).get(timeout=60)
            for gateway in platform.gateways.values():
                gateway.mode = "no licence"
        assert events.failed() == set()
        assert len(events.named("licence")) == 1
        assert [len(events.named(name)) for name in ("sign_up", "session", "watch")] == [1, 1, 2]


def test_no_gateway_at_all_is_a_failed_session_and_the_viewer_leaves(tmp_path: Path) -> None:
    with fake_platform() as platform:
        for gateway in platform.gateways.values():
            gateway.close()
        events = travel(platform, tmp_path)
        assert [event["name"] for event in events.all] == ["sign_up"]
        assert events.failed() == {"sign_up"}


def test_a_viewer_who_is_cut_off_reports_the_bytes_of_the_unfinished_request_and_no_failure(tmp_path: Path) -> None:
    with fake_platform() as platform:
        events, session = begin_whole_title(platform, tmp_path, "next-edge")
        _until(lambda: bool(events.named("segment")))
        session.kill()
        assert events.failed() == set()
        assert events.named("watch") == []
        _until(lambda: events.media_bytes <= platform.edges[0].bytes_sent)


def _close_after_segments(edge: FakeServer, count: int) -> None:
    _until(lambda: sum(path.endswith(".ts") for path in edge.requests) >= count)
    edge.mode = "hang"
    edge.released.set()  # hanging requests end at once, without an answer


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        gevent.sleep(0.002)


@pytest.mark.parametrize("death", ["dies", "stands still"])
def test_the_death_of_the_edge_in_use_costs_a_viewer_with_a_full_buffer_nothing(death: str) -> None:
    """A full buffer is 20 s of media, here 5 s: the player has these for finding somebody else."""
    with fake_platform() as platform:
        dying, other = platform.edges
        route = Route([edge.base for edge in platform.edges])
        connections = Connections("test")
        player = Player(connections, route, 2000, Reporter(Events().fire, "east"), patient())
        screening = Screening(master="/media/one/master.m3u8", segments=12, max_height=720, time_scale=4)
        playback = player.start(screening, time.monotonic() + 10)
        watching = gevent.spawn(player.watch, screening, playback)
        try:
            _until(lambda: playback.level > patient().buffer.max_seconds - 4.5)
            stalled_before = playback.stalled  # until it began to play
            dying.mode = "hang"
            if death == "dies":
                dying.close()  # what hangs ends without an answer, and from now on connections are refused
            _until(lambda: sum(path.endswith(".ts") for path in other.requests) >= 2)
            playback.advance(time.monotonic())
            assert (playback.stalled, watching.ready()) == (stalled_before, False)
            [had, failed] = sorted(player.reception.take(), key=lambda each: each["failed"])
            assert (had["server"], failed["server"]) == (other.address, dying.address)
        finally:
            watching.kill()
            connections.close()
