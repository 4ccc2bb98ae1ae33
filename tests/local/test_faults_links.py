"""The faults on links and on whole regions, over real proxies and sockets, seen by what passes the links."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import cast

import msgspec
import pytest
from msgspec import structs

from chaos.environments.local import open_environment
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Undo
from chaos.model.system import JSON, Link
from target_platform.launcher.spec import LaunchSpec
from tests.local import small_system
from tests.local.small_system import SmallSystem
from tests.local.stand import Stand

BASE_PORT = 24500
EXAMPLES: dict[str, dict[str, JSON]] = {
    "black_hole": {},
    "reset": {},
    "bandwidth": {"rate_bytes_per_second": 50_000.0},
    "slow_close": {"delay_ms": 200.0},
    "one_way_partition": {"direction": "to"},
    "partition": {},
    "region_isolation": {},
    "slow_region_link": {"delay_ms": 250.0, "jitter_ms": 20.0},
    "brown_out": {"delay_ms": 250.0},
    "dependency_errors": {"share": 0.3},
}

SERVER = r"""
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "20000")
        self.end_headers()
        self.wfile.write(bytes(20000))
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def spec(base_port: int) -> LaunchSpec:
    """The small system with servers that serve many at a time, and answer enough for a rate to be seen."""
    small = small_system.spec(base_port)
    command = (sys.executable, "-c", SERVER, "{port}")
    return structs.replace(small, instances=tuple(structs.replace(each, command=command) for each in small.instances))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("links"), BASE_PORT, spec)
    small.start()
    try:
        yield small
    finally:
        small.stop()


def stand_on(system: SmallSystem, kind: str, **parameters: JSON) -> Stand:
    """A link that crosses the border of the regions."""
    return Stand(system, kind, parameters or EXAMPLES[kind], -2)


def link_of(stand: Stand) -> Link:
    assert isinstance(stand.target, Link)
    return stand.target


@pytest.fixture(params=sorted(EXAMPLES))
def stand(request: pytest.FixtureRequest, system: SmallSystem) -> Stand:
    return stand_on(system, request.param)


def test_it_is_inactive_then_active_then_inactive_and_twice_is_once(stand: Stand) -> None:
    undo = stand.prepare()
    stand.until(undo, Active.NO)
    stand.revert(undo)  # never injected: harmless
    stand.inject(undo)
    stand.inject(undo)
    stand.until(undo, Active.YES)
    ref = msgspec.json.decode(msgspec.json.encode(stand.environment.ref), type=EnvironmentRef)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    for _ in range(2):
        stand.fault.revert(open_environment(ref), again)
    stand.until(undo, Active.NO)


@pytest.mark.parametrize("kind", ["region_isolation", "dependency_errors", "bandwidth"])
def test_its_lease_ends_it_alone(system: SmallSystem, kind: str) -> None:
    stand = stand_on(system, kind)
    undo = stand.seen_under_a_short_lease(2.0)
    stand.until(undo, Active.NO)
    assert time.time() >= undo.lease.expires_at


@pytest.mark.parametrize("kind", ["black_hole", "partition", "region_isolation"])
def test_a_destination_that_stands_still_is_not_taken_for_a_silent_link(system: SmallSystem, kind: str) -> None:
    stand = stand_on(system, kind)
    undo = stand.prepare()
    for region in small_system.REGIONS:
        identity = stand.environment.live_identity(f"{region}/store-1")
        assert identity is not None
        stand.environment.pause(identity, time.time() + 60)
    try:
        assert stand.active(undo).active is Active.UNKNOWN
        with pytest.raises(ActionFailed, match="is silent already") as failed:
            stand.prepare()
        assert failed.value.took_effect == "no"
    finally:
        for region in small_system.REGIONS:
            identity = stand.environment.live_identity(f"{region}/store-1")
            assert identity is not None
            stand.environment.resume(identity)


def test_a_connection_from_before_hangs_in_a_black_hole_and_is_closed_after_it(system: SmallSystem) -> None:
    stand = stand_on(system, "black_hole")
    kept = HTTPConnection(link_of(stand).address, timeout=20)
    undo = stand.prepare()
    try:
        kept.request("GET", "/")
        assert len(kept.getresponse().read()) == 20_000
        stand.inject(undo)
        kept.request("GET", "/")
        held = cast(socket.socket, kept.sock)
        held.settimeout(0.4)
        with pytest.raises(TimeoutError):
            kept.getresponse()
        stand.revert(undo)
        held.settimeout(20)
        assert held.recv(1) == b""
    finally:
        stand.revert(undo)
        kept.close()


def test_a_connection_from_before_is_reset_when_it_is_used(system: SmallSystem) -> None:
    stand = stand_on(system, "reset")
    kept = HTTPConnection(link_of(stand).address, timeout=20)
    undo = stand.prepare()
    try:
        kept.request("GET", "/")
        assert len(kept.getresponse().read()) == 20_000
        stand.inject(undo)
        kept.request("GET", "/")
        with pytest.raises(ConnectionResetError):
            kept.getresponse()
    finally:
        stand.revert(undo)
        kept.close()


def test_a_small_share_of_errors_is_seen_as_well(system: SmallSystem) -> None:
    stand = stand_on(system, "dependency_errors", share=0.03, status=502)
    undo = stand.prepare()
    try:
        stand.inject(undo)
        assert "were answered 502 (3% wanted)" in stand.until(undo, Active.YES).evidence
    finally:
        stand.revert(undo)
    stand.until(undo, Active.NO)


def test_errors_of_one_path_leave_the_others_alone(system: SmallSystem) -> None:
    stand = stand_on(system, "dependency_errors", path="/titles")
    undo = stand.prepare()
    try:
        stand.inject(undo)
        stand.until(undo, Active.YES)
        heard = [stand.environment.ask_link(link_of(stand).name, path, 1000)[0] for path in ("/titles/7", "/other")]
        assert [each.status for each in heard] == [503, 200]
    finally:
        stand.revert(undo)


def test_an_isolated_region_is_cut_off_in_both_directions_and_goes_on_inside(system: SmallSystem) -> None:
    stand = stand_on(system, "region_isolation")
    undo = stand.prepare()
    try:
        stand.inject(undo)
        links = stand.environment.inventory().links
        knocks = stand.environment.knock([each.name for each in links], 1500)
        crossing = {each.name for each in links if each.source_region != each.destination_region}
        assert {name for name, knock in knocks.items() if knock.over == "silent"} == crossing
        assert 0 < len(crossing) < len(links)
    finally:
        stand.revert(undo)


def test_a_limit_that_could_not_be_seen_is_refused(system: SmallSystem) -> None:
    stand = stand_on(system, "bandwidth", rate_bytes_per_second=5e9)
    with pytest.raises(ActionFailed, match="that limit could not be seen") as failed:
        stand.prepare()
    assert failed.value.took_effect == "no"


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_a_link_that_is_gone_counts_as_reverted(system: SmallSystem, kind: str) -> None:
    stand = stand_on(system, kind)
    undo = stand.prepare()
    nowhere = str(system.home / "nowhere" / "state.json")
    gone = open_environment(EnvironmentRef(kind="local", name="local", settings={"state": nowhere, "armed": True}))
    stand.fault.revert(gone, undo)
    assert stand.fault.active(gone, undo).active is Active.NO
