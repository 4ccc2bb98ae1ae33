"""What one viewer does in a session: sign in, look around, pick a title, watch some of it, leave."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import gevent
from gevent.event import Event
from msgspec import Struct

from target_platform.delivery.providers import shipped_providers
from target_platform.viewers.accounts import Account, Accounts, Entrance, renewing
from target_platform.viewers.audit import Audit, Look
from target_platform.viewers.behaviour import Behaviour, Device
from target_platform.viewers.diary import Diary
from target_platform.viewers.directory import Directory
from target_platform.viewers.dns import Dns
from target_platform.viewers.fetch import FAILBACK_SECONDS, Answer, Call, Connections, RequestFailed, Route, Tally
from target_platform.viewers.licences import Wallet, Wish
from target_platform.viewers.payer import Payer
from target_platform.viewers.playback import Playback
from target_platform.viewers.player import Player, Screening
from target_platform.viewers.popularity import pick
from target_platform.viewers.report import Reporter
from target_platform.viewers.rhythm import Rhythm

CODECS = ("h264",)
"""What the devices decode: every device that is sold does."""


class Viewer(Struct, frozen=True, kw_only=True):
    """Who is watching: everything drawn from the seed once. `provider` is REGION/NAME, empty for a stranger."""

    number: int
    region: str
    device: Device
    provider: str = ""

    @staticmethod
    def drawn(number: int, directory: Directory, behaviour: Behaviour, random: Random) -> Viewer:
        """Devices and providers by their shares; regions as well, or they take turns."""
        [device] = random.choices(behaviour.devices, [device.weight for device in behaviour.devices])
        region = directory.regions[number % len(directory.regions)]
        if behaviour.regions:
            [region] = random.choices(list(behaviour.regions), list(behaviour.regions.values()))
        return Viewer(number=number, region=region, device=device, provider=_provider(region, behaviour, random))


class Belongings:
    """What outlives a session: the accounts and the name server that viewers share, and the licences of this device."""

    def __init__(self, accounts: Accounts, dns: Dns, audit: Audit | None = None) -> None:
        self.accounts = accounts
        self.dns = dns
        self.audit = audit or Audit()
        self.licences = Wallet()


class Journey:
    """`time_scale` makes media and thinking run faster, not the network."""

    def __init__(
        self,
        viewer: Viewer,
        directory: Directory,
        behaviour: Behaviour,
        reporter: Reporter,
        belongings: Belongings | None = None,
    ) -> None:
        self._viewer = viewer
        self._belongings = belongings or Belongings(Accounts(behaviour.arriving), Dns(directory))
        self._directory = directory
        self._behaviour = behaviour
        self._reporter = reporter
        self._connections = Connections(f"steadfast-viewer/{viewer.device.name}")
        turn = viewer.number // len(directory.regions)
        region = self._belongings.dns.region_for(viewer.region)
        failback_seconds = FAILBACK_SECONDS if directory.ask_gateway.comes_home else math.inf
        self._gateways = Route(directory.gateways_for(region, turn), failback_seconds)
        self._licences = Route(directory.licences_for(region, turn))
        self._gateway_seconds = directory.ask_gateway.deadline_ms / 1000
        self._token = ""
        self._account: Account | None = None

    def travel(self, random: Random, time_scale: float) -> None:
        """One session. A viewer who does not get what it asked for leaves; nothing is raised for that."""
        paying: gevent.Greenlet | None = None
        try:
            self._get_in(random)
            if self._directory.banks and random.random() < self._behaviour.paying.share:
                paying = gevent.spawn(self._pay)
            titles = self._home()
            self._think(random, time_scale)
            title = pick(titles, self._behaviour.titles.zipf_exponent, random)
            self._ask("title", f"/titles/{title}")
            self._think(random, time_scale)
            self._watch(title, random, time_scale)
        except RequestFailed:
            pass  # it has been reported where it happened
        finally:
            if paying is not None:
                paying.join()
            self._connections.close()

    def _get_in(self, random: Random) -> None:
        entrance = self._belongings.accounts.entrance(self._viewer.number, self._viewer.region, random)
        with self._reporter.request(entrance.request) as tally:
            self._enter(entrance, tally, time.monotonic() + self._gateway_seconds)
        self._belongings.dns.answered(self._viewer.region, self._gateways.present)

    def _pay(self) -> None:
        """Beside everything else. A subscription of this session alone, so that there is something to charge."""
        payer = Payer(self._directory.banks, self._connections, self._ask, self._reporter)
        self._belongings.audit.add(self._closing(payer.audit))
        payer.pay(f"{self._viewer.number}-{time.time():.3f}", self._behaviour.paying.patience_seconds)

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
        heart = gevent.spawn(self._beat_until, left, title, player, playback)
        diary = self._diary(title)
        self._belongings.audit.add(self._closing(diary.audit))
        rhythm = self._rhythm(self._behaviour.progress.every_seconds / time_scale)
        writing = gevent.spawn(diary.keep_until, left, playback, rhythm)
        try:
            with self._reporter.request("watch"):
                player.watch(screening, playback)
        finally:
            left.set()
            player.report_quality(playback)
            gevent.joinall([heart, writing], timeout=2 * self._gateway_seconds)
            gevent.killall([heart, writing])
        if random.random() < self._behaviour.progress.travel_share:
            diary.travel(self._from_elsewhere(), self._behaviour.progress.travel_patience_seconds)

    def _closing(self, look: Look) -> Look:
        def closing(until: float) -> None:
            try:
                look(until)
            finally:
                self._connections.close()

        return closing

    def _diary(self, title: str) -> Diary:
        """Of a profile of this viewer alone: an account is shared by many."""
        path = f"/progress/viewer-{self._viewer.number}/{title}"
        session = f"{self._viewer.number}-{time.time():.3f}"
        return Diary(path, session, self._ask, self._reporter)

    def _from_elsewhere(self) -> Callable[[str], Answer]:
        """Asks gateways of other regions than the viewer's own, and no others."""
        far = self._directory.gateways_elsewhere(self._viewer.region)

        def ask(path: str) -> Answer:
            call = Call(path=path, until=time.monotonic() + self._gateway_seconds)
            answer = self._connections.ask(Route(far), call, Tally(), self._authorization())
            if answer.status >= 400:
                raise RequestFailed(f"the gateway answered {answer.status}")
            return answer

        return ask

    def _start(self, title: str, random: Random, time_scale: float) -> tuple[Screening, Player, Playback]:
        """From pressing play to the first segment and the licence to show it: what viewers call the start."""
        segments = _geometric(random, self._behaviour.browsing.mean_segments)
        with self._reporter.request("start"):
            until = time.monotonic() + self._behaviour.patience.start_deadline_seconds
            wish = {
                "codecs": CODECS,
                "max_height": self._viewer.device.max_height,
                "provider": self._viewer.provider,
            }
            offer = self._ask("play", f"/play/{title}", body=wish).json()
            try:
                screening = Screening(
                    master=offer["playlist"],
                    segments=segments,
                    max_height=self._viewer.device.max_height,
                    time_scale=time_scale,
                    offered=frozenset(str(each["playlist"]) for each in offer.get("streams", ())),
                )
                edges = Route(self._directory.edges_of(offer["edges"]))
            except (KeyError, TypeError) as error:
                raise RequestFailed(f"the answer to play lacks {error}") from error
            deadline_ms = self._directory.ask_edge.deadline_ms
            player = Player(self._connections, edges, deadline_ms, self._reporter, self._behaviour)
            # Beside playlist and segment.
            seat, stored = str(offer.get("seat", "")), self._behaviour.stores_licences
            licence = gevent.spawn(self._licence_or_reason, Wish(title=title, seat=seat, stored=stored), until)
            try:
                playback = player.start(screening, until)
                reason = licence.get()
            finally:
                licence.kill()
            if reason:
                raise RequestFailed(f"no licence before the viewer's patience ended: {reason}")
            playback.begin(time.monotonic())
            return screening, player, playback

    def _licence_or_reason(self, wish: Wish, until: float) -> str:
        """Empty when the device may play; why not, when there was no licence until then."""
        pause = self._behaviour.patience.retry_pause_seconds
        while not self._belongings.licences.may_play(wish.title):
            try:
                with self._reporter.request("licence") as tally:
                    self._fetch_licence(wish, until, tally)
                    return ""  # however soon it ends: this is what it was asked for
            except RequestFailed as error:
                if time.monotonic() + pause >= until:
                    return str(error)
                gevent.sleep(pause)
        return ""

    def _fetch_licence(self, wish: Wish, until: float, tally: Tally) -> None:
        self._licences.begin_at(self._gateways.present)  # the one that has just answered
        seconds = self._directory.ask_licence.deadline_ms / 1000
        body = wish.signed(self._account.device_key if self._account else "")
        call = Call(path="/licence", body=body, until=min(until, time.monotonic() + seconds))
        answer = self._connections.ask(self._licences, call, tally, self._authorization())
        if answer.status >= 400:
            raise RequestFailed(f"the gateway answered {answer.status}")
        self._belongings.licences.keep(wish.title, answer)

    def _beat_until(self, left: Event, title: str, player: Player, playback: Playback) -> None:
        """Heartbeats go beside the stream: a slow one must not hold a segment back."""
        stalled = 0.0
        rhythm = self._rhythm(self._behaviour.browsing.heartbeat_seconds / playback.time_scale)
        while not left.wait(rhythm.pause_seconds()):
            newly_stalled, stalled = playback.stalled - stalled, playback.stalled
            body = {
                "title": title,
                "position_seconds": round(playback.played, 1),
                "rebuffer_ms": round(1000 * newly_stalled / playback.time_scale),
                "provider": self._viewer.provider,
                "servers": player.reception.take(),
            }
            try:
                self._ask("heartbeat", "/heartbeat", body)
            except RequestFailed:
                pass  # reported; the picture goes on

    def _rhythm(self, every_seconds: float) -> Rhythm:
        """Pauses of its own, so that what else is drawn for this viewer does not depend on how long it watches."""
        by_the_clock = self._directory.ask_gateway.timers == "by-the-clock"
        return Rhythm(every_seconds, Random(f"{self._viewer.number}/{every_seconds}"), by_the_clock)

    def _ask(self, name: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        with self._reporter.request(name) as tally:
            return self._gateway(path, tally, body)

    def _gateway(self, path: str, tally: Tally, body: dict[str, Any] | None = None) -> Answer:
        """Ask the gateways; a session that the answering one does not know is renewed once, unseen by the viewer."""
        call = Call(path=path, body=body, until=time.monotonic() + self._gateway_seconds)
        answer = self._connections.ask(self._gateways, call, tally, self._authorization())
        if answer.status == 401 and self._account:
            self._enter(renewing(self._account), tally, call.until)
            answer = self._connections.ask(self._gateways, call, tally, self._authorization())
        if answer.status >= 400:
            raise RequestFailed(f"the gateway answered {answer.status}")
        return answer

    def _enter(self, entrance: Entrance, tally: Tally, until: float) -> None:
        """Get a session. Raises RequestFailed."""
        answer = self._connections.ask(self._gateways, Call(path=entrance.path, body=entrance.body, until=until), tally)
        said = answer.json() if answer.status < 400 else None
        if not isinstance(said, dict) or not said.get("token"):
            raise RequestFailed(f"no session: the gateway answered {answer.status}")
        self._token = str(said["token"])
        self._account = Account(
            user=str(said.get("user", "")),
            password=entrance.password,
            renewal=str(said.get("renewal", "")),
            device_key=str(said.get("device_key") or entrance.device_key),
        )
        self._belongings.accounts.keep(self._viewer.region, self._account)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _think(self, random: Random, time_scale: float) -> None:
        gevent.sleep(random.expovariate(1 / self._behaviour.browsing.think_seconds) / time_scale)


def _provider(region: str, behaviour: Behaviour, random: Random) -> str:
    """Of the region in which the viewer lives; nobody's where none is known."""
    there = shipped_providers().of_region(region)
    shares = [behaviour.providers.get(each.short, 0.0) if behaviour.providers else each.network.share for each in there]
    if not sum(shares):
        return ""
    [provider] = random.choices(there, shares)
    return provider.name


def _geometric(random: Random, mean: float) -> int:
    """1, 2, 3, ... with the given mean: after each segment the viewer leaves with the same probability."""
    count = 1
    while random.random() > 1 / mean:
        count += 1
    return count
