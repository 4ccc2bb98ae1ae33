"""What one viewer does in a session: sign in, look around, pick a title, watch some of it, leave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import Any

import gevent
from gevent.event import Event
from msgspec import Struct

from target_platform.viewers.behaviour import Behaviour, Device
from target_platform.viewers.directory import Directory
from target_platform.viewers.fetch import Answer, Call, Connections, RequestFailed, Route, Tally
from target_platform.viewers.playback import Playback
from target_platform.viewers.player import Player, Screening
from target_platform.viewers.popularity import pick
from target_platform.viewers.report import Reporter


class Viewer(Struct, frozen=True, kw_only=True):
    """Who is watching: everything drawn from the seed once."""

    number: int
    region: str
    device: Device

    @staticmethod
    def drawn(number: int, directory: Directory, behaviour: Behaviour, random: Random) -> Viewer:
        """Devices by weight; regions by their shares, or they take turns."""
        [device] = random.choices(behaviour.devices, [device.weight for device in behaviour.devices])
        region = directory.regions[number % len(directory.regions)]
        if behaviour.regions:
            [region] = random.choices(list(behaviour.regions), list(behaviour.regions.values()))
        return Viewer(number=number, region=region, device=device)


class Journey:
    """`time_scale` makes media and thinking run faster, not the network."""

    def __init__(self, viewer: Viewer, directory: Directory, behaviour: Behaviour, reporter: Reporter) -> None:
        self._viewer = viewer
        self._directory = directory
        self._behaviour = behaviour
        self._reporter = reporter
        self._connections = Connections(f"steadfast-viewer/{viewer.device.name}")
        self._gateways = Route(directory.gateways_for(viewer.region, viewer.number // len(directory.regions)))
        self._gateway_seconds = directory.ask_gateway.deadline_ms / 1000
        self._token = ""

    def travel(self, random: Random, time_scale: float) -> None:
        """One session. A viewer who does not get what it asked for leaves; nothing is raised for that."""
        try:
            self._sign_in()
            titles = self._home()
            self._think(random, time_scale)
            title = pick(titles, self._behaviour.titles.zipf_exponent, random)
            self._ask("title", f"/titles/{title}")
            self._think(random, time_scale)
            self._watch(title, random, time_scale)
        except RequestFailed:
            pass  # it has been reported where it happened
        finally:
            self._connections.close()

    def _sign_in(self) -> None:
        with self._reporter.request("session") as tally:
            self._renew_token(tally, time.monotonic() + self._gateway_seconds)

    def _home(self) -> Sequence[str]:
        with self._reporter.request("home") as tally:
            answer = self._gateway("/home", tally).json()
            titles = answer.get("titles") if isinstance(answer, dict) else None
            if not titles:
                raise RequestFailed("home has no titles")
            return [str(item["id"] if isinstance(item, dict) else item) for item in titles]

    def _watch(self, title: str, random: Random, time_scale: float) -> None:
        screening, player, playback = self._start(title, random, time_scale)
        left = Event()
        heart = gevent.spawn(self._beat_until, left, title, playback)
        try:
            with self._reporter.request("watch"):
                player.watch(screening, playback)
        finally:
            left.set()
            player.report_quality(playback)
            heart.join(timeout=self._gateway_seconds)
            heart.kill()

    def _start(self, title: str, random: Random, time_scale: float) -> tuple[Screening, Player, Playback]:
        """From pressing play to the first segment: what viewers call the start."""
        segments = _geometric(random, self._behaviour.browsing.mean_segments)
        with self._reporter.request("start"):
            until = time.monotonic() + self._behaviour.patience.start_deadline_seconds
            offer = self._ask("play", f"/play/{title}", body={}).json()
            try:
                screening = Screening(
                    master=offer["playlist"],
                    segments=segments,
                    max_height=self._viewer.device.max_height,
                    time_scale=time_scale,
                )
                edges = Route(self._directory.edges_of(offer["edges"]))
            except (KeyError, TypeError) as error:
                raise RequestFailed(f"the answer to play lacks {error}") from error
            deadline_ms = self._directory.ask_edge.deadline_ms
            player = Player(self._connections, edges, deadline_ms, self._reporter, self._behaviour)
            return screening, player, player.start(screening, until)

    def _beat_until(self, left: Event, title: str, playback: Playback) -> None:
        """Heartbeats go beside the stream: a slow one must not hold a segment back."""
        stalled = 0.0
        while not left.wait(self._behaviour.browsing.heartbeat_seconds / playback.time_scale):
            newly_stalled, stalled = playback.stalled - stalled, playback.stalled
            body = {
                "title": title,
                "position_seconds": round(playback.played, 1),
                "rebuffer_ms": round(1000 * newly_stalled / playback.time_scale),
            }
            try:
                self._ask("heartbeat", "/heartbeat", body)
            except RequestFailed:
                pass  # reported; the picture goes on

    def _ask(self, name: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        with self._reporter.request(name) as tally:
            return self._gateway(path, tally, body)

    def _gateway(self, path: str, tally: Tally, body: dict[str, Any] | None = None) -> Answer:
        """Ask the gateways; a session that the answering one does not know is renewed once, unseen by the viewer."""
        call = Call(path=path, body=body, until=time.monotonic() + self._gateway_seconds)
        answer = self._connections.ask(self._gateways, call, tally, self._authorization())
        if answer.status == 401:
            self._renew_token(tally, call.until)
            answer = self._connections.ask(self._gateways, call, tally, self._authorization())
        if answer.status >= 400:
            raise RequestFailed(f"the gateway answered {answer.status}")
        return answer

    def _renew_token(self, tally: Tally, until: float) -> None:
        body = {"user": f"viewer-{self._viewer.number}", "device": self._viewer.device.name}
        call = Call(path="/session", body=body, until=until)
        answer = self._connections.ask(self._gateways, call, tally)
        token = answer.json().get("token") if answer.status < 400 else None
        if not token:
            raise RequestFailed(f"no session: the gateway answered {answer.status}")
        self._token = str(token)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _think(self, random: Random, time_scale: float) -> None:
        gevent.sleep(random.expovariate(1 / self._behaviour.browsing.think_seconds) / time_scale)


def _geometric(random: Random, mean: float) -> int:
    """1, 2, 3, ... with the given mean: after each segment the viewer leaves with the same probability."""
    count = 1
    while random.random() > 1 / mean:
        count += 1
    return count
