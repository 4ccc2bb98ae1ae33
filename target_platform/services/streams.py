"""On which devices an account plays at this moment: a plan has so many seats, and each device that plays takes one.

Seats are kept in memory, and an account's at its home region, so that they are counted in one place. A device keeps its
seat by telling how far it has come; who is silent for `seat_seconds` loses it, so that no dead device locks an account.
What changed is told to the other instances every second, and an instance that starts asks them. So when one dies
another one knows the seats; what it does not know yet, it hears from the devices themselves.

Clocks differ, so what is told is how long a seat still lasts, and not until when.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import StreamPolicy
from target_platform.kit.service import Instance, Service

TELL_EVERY_SECONDS = 1.0
TOLD_AT_ONCE, TOLD_BYTES = 500, 256 * 1024


class Taking(Struct, frozen=True):
    device: str
    title: str
    plan: str


class Word(Struct, frozen=True):
    """A device in a seat says that it still plays `title`, or that it has `left`."""

    device: str
    title: str
    left: bool = False


class Seat(Struct, frozen=True):
    """`left_seconds` is how long it lasts if nothing is heard of the device; 0 when it was given up."""

    device: str
    title: str
    left_seconds: float


class Seats(Struct, frozen=True):
    open: tuple[Seat, ...]


class NoSeat(Struct, frozen=True):
    """All seats are taken, by these."""

    error: str
    open: tuple[Seat, ...]


class Copies(Struct, frozen=True):
    """Seats by account, for another instance."""

    seats: dict[str, tuple[Seat, ...]]


def routes(instance: Instance) -> Sequence[Route]:
    streams = Streams(instance, Ledger(instance.policies.streams))
    instance.every(TELL_EVERY_SECONDS, streams.exchange)
    instance.every(instance.policies.streams.seat_seconds, streams.tidy)
    return [
        Route("/seats/{user}", streams.take, methods=["POST"]),
        Route("/seats/{user}/word", streams.hear, methods=["POST"]),
        Route("/copies", streams.copies),
        Route("/copies", streams.take_over, methods=["POST"]),
    ]


class Ledger:
    """The seats of all accounts. `now` is a clock that never goes back, in seconds."""

    def __init__(self, policy: StreamPolicy, now: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._now = now
        self._seats: defaultdict[str, dict[str, tuple[str, float]]] = defaultdict(dict)

    @property
    def accounts(self) -> int:
        """How many are kept, with or without a seat that has not run out."""
        return len(self._seats)

    def take(self, user: str, taking: Taking) -> bool:
        """Whether there was a seat. A device that has one keeps it; a plan that is not known has no limit."""
        others = [each for each in self.open(user) if each.device != taking.device]
        if len(others) >= self._policy.seats.get(taking.plan, len(others) + 1):
            return False
        self.put(user, Seat(taking.device, taking.title, self._policy.seat_seconds))
        return True

    def hear(self, user: str, word: Word) -> None:
        """A picture that runs is not stopped, so who is not known here, or one too many, gets a seat too."""
        self.put(user, Seat(word.device, word.title, 0 if word.left else self._policy.seat_seconds))

    def put(self, user: str, seat: Seat) -> None:
        if seat.left_seconds > 0:
            lasts_seconds = min(seat.left_seconds, self._policy.seat_seconds)
            self._seats[user][seat.device] = (seat.title, self._now() + lasts_seconds)
        else:
            self._seats.get(user, {}).pop(seat.device, None)

    def open(self, user: str) -> tuple[Seat, ...]:
        """Who has not been silent for too long; the others lose their seats by this."""
        now, taken = self._now(), self._seats.get(user, {})
        for device in [device for device, (_, until) in taken.items() if until <= now]:
            del taken[device]
        if not taken:
            self._seats.pop(user, None)
        return tuple(Seat(device, title, round(until - now, 3)) for device, (title, until) in taken.items())

    def all(self) -> dict[str, tuple[Seat, ...]]:
        """Those of every account; accounts that have none any more are forgotten by this."""
        return {user: seats for user in list(self._seats) if (seats := self.open(user))}


class Streams:
    def __init__(self, instance: Instance, ledger: Ledger) -> None:
        self._instance = instance
        self._ledger = ledger
        self._untold: dict[tuple[str, str], Seat] = {}
        self._asks_until = time.monotonic() + instance.policies.streams.seat_seconds
        self._asked = instance.metrics.counter("stream_seats", "Seats asked for", "outcome")

    async def take(self, request: Request) -> Response:
        """For a stream that is to start. Asked again by the same device it is the same seat."""
        user, taking = request.path_params["user"], await read_body(request, Taking)
        given = self._ledger.take(user, taking)
        self._asked.labels("given" if given else "refused").inc()
        if not given:
            return answer(_no_seat(taking.plan, self._ledger.open(user)), 409)
        self._note(user, taking.device)
        return answer(Seats(self._ledger.open(user)))

    async def hear(self, request: Request) -> Response:
        user, word = request.path_params["user"], await read_body(request, Word)
        self._ledger.hear(user, word)
        self._note(user, word.device)
        return Response(status_code=204)

    async def copies(self, request: Request) -> Response:
        """For an instance that has just started."""
        return answer(Copies(self._ledger.all()))

    async def take_over(self, request: Request) -> Response:
        self._take_over(await read_body(request, Copies, TOLD_BYTES))
        return Response(status_code=204)

    async def exchange(self) -> None:
        """Tell the others what changed; and ask them first, until one has answered or all devices have been heard."""
        if time.monotonic() < self._asks_until:
            await asyncio.gather(*(self._ask(each) for each in self._peers))
        changed = list(self._untold.items())[:TOLD_AT_ONCE]
        if not changed:
            return
        told: defaultdict[str, tuple[Seat, ...]] = defaultdict(tuple)
        for (user, device), seat in changed:
            told[user] += (seat,)
            del self._untold[user, device]
        body = msgspec.json.encode(Copies(told))
        await asyncio.gather(*(self._tell(each, body) for each in self._peers))

    async def tidy(self) -> None:
        """Nobody asks for the seats of who is gone for good; without this they were kept for ever."""
        self._ledger.all()

    @property
    def _peers(self) -> Sequence[Endpoint]:
        return [
            each
            for each in self._instance.registry.known("streams").listed
            if each.instance != self._instance.config.name
        ]

    async def _ask(self, peer: Endpoint) -> None:
        try:
            reply = await self._instance.call("streams", Ask(path="/copies", only=peer.instance))
        except CallFailed:
            return  # who cannot be asked is asked again in a second
        if reply.status != 200:
            return
        self._take_over(msgspec.json.decode(reply.body, type=Copies))
        self._asks_until = 0.0

    async def _tell(self, peer: Endpoint, body: bytes) -> None:
        try:
            await self._instance.call("streams", Ask(path="/copies", method="POST", body=body, only=peer.instance))
        except CallFailed:
            pass  # it asks when it starts, and devices are heard again within seconds

    def _take_over(self, copies: Copies) -> None:
        for user, seats in copies.seats.items():
            for seat in seats:
                self._ledger.put(user, seat)

    def _note(self, user: str, device: str) -> None:
        kept = next((each for each in self._ledger.open(user) if each.device == device), None)
        self._untold[user, device] = kept or Seat(device, "", 0)


def _no_seat(plan: str, seats: tuple[Seat, ...]) -> NoSeat:
    devices = ", ".join(f"{each.device} ({each.title})" for each in seats)
    number, who = ("1 device", "this one does") if len(seats) == 1 else (f"{len(seats)} devices", "these do")
    return NoSeat(f"the plan {plan} plays on {number} at a time, and {who}: {devices}", seats)


SERVICE = Service(name="streams", calls=("streams",), criticality="degradable", routes=routes, replicas=1)
