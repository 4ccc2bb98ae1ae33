"""Policies: how each call is protected. Data in policies.yaml, checked when it is read.

    defaults:                     # for every call
      deadline_ms: 1000
      ...
    calls:
      gateway>recommendations:    # CALLER>CALLEE, merged over the defaults
        deadline_ms: 300
        fallback: popular
    players: ...                  # the same for the devices in front of the services
    steering: ...                 # which edges a device is told
    caches: ...                   # how long files are fresh, and what edges do about one that they do not have
    fill: ...                     # when caches fetch what is planned for them, and how fast
    sessions: ...                 # how long a session lasts, how many passwords are checked at a time
    licences: ...                 # how long a licence to play lasts, and how it is signed
    streams: ...                  # on how many devices at a time an account plays
    discovery: ...                # how far the list of instances is believed
    shedding: ...                 # whom an instance that is too full refuses first
    starts: ...                   # what a start waits for
    history: ...                  # when viewing progress counts as kept
    billing: ...                  # what keeps a charge from being made twice
    payment: ...                  # how the payment stub misbehaves

Every duration is a number in the unit that ends its key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field, structs

from target_platform.kit.errors import PolicyError
from target_platform.kit.policy_text import merged, read_sections, typed

Milliseconds = Annotated[float, Meta(gt=0, le=600_000)]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
SecondsOrNone = Annotated[float, Meta(ge=0, le=31_536_000)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
PerSecond = Annotated[float, Meta(gt=0, le=100_000)]


class Backoff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Before retry n a random time between 0 and min(max_ms, first_ms * 2**(n-1)) passes ("full jitter").

    Without `spread` all of that time passes, so that who failed in the same moment asks again in the same moment.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    first_ms: Milliseconds = 10
    max_ms: Milliseconds = 100
    spread: Literal["full", "none"] = "full"


class RetryBudgetPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Retries may be at most this share of the calls, and up to `burst` more at once."""

    share: Annotated[float, Meta(ge=0, le=1)] = 0.1
    burst: Annotated[float, Meta(ge=0, le=10_000)] = 10


class BreakerPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Opens after that many failures in a row; tries again, with one call, after reset_seconds.

    `guards`: each instance has one of its own, or one counts for all instances of the service.
    """

    failures: Count = 5
    guards: Literal["instance", "service"] = "instance"
    reset_seconds: Annotated[float, Meta(gt=0, le=3600)] = 2


class BulkheadPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `concurrent` calls at a time; `queue` more may wait; the next is refused at once.

    Who waits leaves the queue when its deadline is over. With `serves_late` it stays, and all are served in the order
    in which they came, also those who do not wait for an answer any more.
    """

    concurrent: Count = 64
    queue: Annotated[int, Meta(ge=0, le=10_000)] = 64
    serves_late: bool = False


class ConnectionsPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many connections are in use at a time; who needs one waits for it until its deadline is over.

    `given_back`: by every attempt, however it ends; or by none that is given up, which is a leak: for weaknesses.
    """

    most: Count = 64
    given_back: Literal["always", "unless-given-up"] = "always"


class BalancePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a call asks first in a region: each in turn, or whose last ten answers, good or bad, were the quickest.

    With turns, who failed `eject_failures` of its last ten times is asked last there for `eject_seconds`; None: never.
    Who is back after its breaker was open has its full share of the turns only `slow_start_seconds` later; 0: at once.
    """

    by: Literal["turns", "quickest"] = "turns"
    eject_failures: Annotated[int, Meta(ge=1, le=10)] | None = None
    eject_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30
    slow_start_seconds: Annotated[float, Meta(ge=0, le=3600)] = 0


class CallPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call. `deadline_ms` is for everything together, `attempt_ms` for one attempt (the deadline if not given).

    `attempts` counts the first one too, and more than one are made only of calls that are idempotent. `fallback` is
    the name of something the caller offers, or "none". `failover` allows instances of other regions once those of the
    own region have failed or are kept away from by their breakers. `only_region` binds a call to the instances of one
    region, whatever the caller's and whatever `failover` says.
    """

    deadline_ms: Milliseconds = 1000
    attempt_ms: Milliseconds | None = None
    attempts: Annotated[int, Meta(ge=1, le=20)] = 2
    backoff: Backoff = Backoff()
    retry_budget: RetryBudgetPolicy = RetryBudgetPolicy()
    breaker: BreakerPolicy = BreakerPolicy()
    bulkhead: BulkheadPolicy = BulkheadPolicy()
    connections: ConnectionsPolicy = ConnectionsPolicy()
    balance: BalancePolicy = BalancePolicy()
    fallback: str = "none"
    failover: Literal["none", "other-region"] = "none"
    only_region: str = ""

    @property
    def attempt_seconds(self) -> float:
        return (self.attempt_ms or self.deadline_ms) / 1000


class DiscoveryPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list of instances is taken: as a hint, or as the truth (`believed`), which asks nobody who is not listed.

    It is asked for every `every_seconds`. Who has not been listed for `forget_seconds` is not tried any more.
    """

    believed: bool = False
    every_seconds: Seconds = 2
    forget_seconds: Seconds = 600


class PlayerPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device does: `attempts` different servers at most. It has no breakers and no budget.

    `failback`: whether it goes back to its own region when that is back, or stays until somebody sends it there.
    `timers`: what it does again and again it does at moments of its own, or when the clock on the wall says so.
    """

    deadline_ms: Milliseconds
    attempts: Annotated[int, Meta(ge=1, le=20)]
    failover: Literal["none", "other-region", "next-edge"] = "none"
    failback: Literal["home", "by-hand"] = "home"
    timers: Literal["spread", "by-the-clock"] = "spread"


class Steering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many servers a device is told, best first, and whether those that are not well are left out.

    `edge_is_well` when it answers how it is, or as soon as something accepts a connection at its address. The `ways` to
    them are taken as players measure them, or by their distance alone.
    """

    edges_listed: Count = 4
    edges_watched: bool = True
    edge_is_well: Literal["when-it-answers", "when-it-accepts"] = "when-it-answers"
    ways: Literal["measured", "by-distance"] = "measured"


class CachePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether all who wait for a file share one request to the origin, and whether the next edge is kept warm.

    For how long files are fresh, and how much longer what is old goes out while a new one is fetched, and when none can
    be had, the origin says with each (Cache-Control: RFC 9111, RFC 5861, RFC 8246). A cache believes for
    `missing_seconds` that there is no such file, and asks for a new one again `again_seconds` after it got none.
    """

    coalesce: bool = True
    warm_next: bool = True
    manifest_seconds: SecondsOrNone = 4
    segment_seconds: SecondsOrNone = 31_536_000
    stale_while_revalidate_seconds: SecondsOrNone = 30
    stale_if_error_seconds: SecondsOrNone = 86_400
    missing_seconds: SecondsOrNone = 2
    again_seconds: SecondsOrNone = 2


class FillPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a cache fetches what is planned for it, and how fast; and how far it fetches ahead of each viewer.

    At night means from `from_hour` until `until_hour` by the clock of the region, which is `utc_offset_hours` ahead of
    UTC. One that starts, and so is empty, fills for `cold_seconds` at any hour if anybody knows what its region
    watches; 0: it waits. What is planned takes `share` of the cache, and is held until `pinned_seconds` after the
    window; a title of which more than `everywhere_share` of all is asked for is held by every cache of a group.
    `zipf_exponent` and `survival` are what is expected of titles that nobody has asked for (delivery/forecast.py).
    """

    when: Literal["never", "night", "always"] = "never"
    from_hour: Annotated[float, Meta(ge=0, le=24)] = 2
    until_hour: Annotated[float, Meta(ge=0, le=24)] = 14
    utc_offset_hours: dict[str, Annotated[float, Meta(ge=-14, le=14)]] = {}
    cold_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0
    bytes_per_second: Annotated[int, Meta(ge=1)] = 4_194_304
    pinned_seconds: Annotated[float, Meta(ge=0)] = 43_200
    share: Annotated[float, Meta(ge=0, le=1)] = 0.8
    everywhere_share: Annotated[float, Meta(gt=0, le=1)] = 0.1
    zipf_exponent: Annotated[float, Meta(ge=0, le=10)] = 1.0
    survival: Annotated[float, Meta(gt=0, le=1)] = 0.8
    ahead_segments: Annotated[int, Meta(ge=0, le=20)] = 2


class StartPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a start waits for the viewer's place in the title, or the player asks for that beside it."""

    place_first: bool = False


class SessionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a session lasts, how long it can be renewed without a password, and how many passwords at a time."""

    valid_seconds: Seconds = 900
    renewal_seconds: Seconds = 2_592_000
    hashing: BulkheadPolicy = BulkheadPolicy(concurrent=1, queue=8)


class LicencePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a licence to play lasts; how long the device that signs it takes, and who waits for that device.

    A stored licence plays for `grace_seconds` without asking, and after `stored_seconds` not at all. The clock of a
    device that asks may be `skew_seconds` off.
    """

    valid_seconds: Seconds = 600
    stored_seconds: Seconds = 604_800
    grace_seconds: Seconds = 172_800
    skew_seconds: Seconds = 330
    signing_ms: Annotated[float, Meta(ge=0, le=10_000)] = 0
    signing: BulkheadPolicy = BulkheadPolicy(concurrent=1, queue=2)


class StreamPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many seats each plan has, and how long one lasts after the last that was heard of the device in it."""

    seats: dict[str, Count] = field(default_factory=lambda: {"basic": 1, "standard": 2, "premium": 4})
    seat_seconds: Seconds = 30


class HistoryPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a write is acknowledged, and where a region goes on after it could not reach the other one.

    `on_full_disk` is what becomes of a write that the disk does not take: refused, or taken for kept.
    """

    acknowledge: Literal["when-durable", "at-once"] = "when-durable"
    on_full_disk: Literal["refuse", "ignore"] = "refuse"
    catch_up: Literal["resume", "from-now"] = "resume"


class BillingPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a charge carries a key by which the payment provider knows it when it is asked again."""

    idempotency_key: bool = True


class PaymentPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payment stub: of this share of its requests it answers `late_ms` late, after it has charged."""

    late_share: Annotated[float, Meta(ge=0, le=1)] = 0
    late_ms: Milliseconds = 2000
    seed: int = 0


class PriorityPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests for these paths, and for what lies below them, are let in up to this share of what an instance bears."""

    share: Annotated[float, Meta(gt=0, le=1)]
    paths: tuple[str, ...] = ()
    name: str = ""


class SheddingLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one service bears, where that differs from the others."""

    concurrent: Count | None = None
    delay_ms: Milliseconds | None = None
    per_second: PerSecond | None = None
    burst: Count | None = None


class SheddingPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An instance is full with so many requests under way, or with a standing delay of `delay_ms` in its event loop.

    So it is when more than `per_second` have been let in for long, and `burst` at once; None: no such bound.
    Who has not read anything of its answer for `stalled_seconds` is cut off, so that it does not hold a place for ever.
    Of `priorities` the first that lists a path applies; `otherwise` is the share of a path that none lists. `services`
    have limits of their own.
    """

    concurrent: Count = 256
    delay_ms: Milliseconds = 250
    per_second: PerSecond | None = None
    burst: Count = 60
    retry_after_seconds: Count = 1
    stalled_seconds: Seconds = 60
    otherwise: Annotated[float, Meta(gt=0, le=1)] = 1.0
    priorities: dict[str, PriorityPolicy] = {}
    services: dict[str, SheddingLimits] = {}

    def of(self, service: str) -> SheddingPolicy:
        """For the instances of one service."""
        own = self.services.get(service, SheddingLimits())
        return structs.replace(
            self,
            concurrent=own.concurrent or self.concurrent,
            delay_ms=own.delay_ms or self.delay_ms,
            per_second=own.per_second or self.per_second,
            burst=own.burst or self.burst,
        )

    def priority(self, path: str) -> PriorityPolicy:
        for name, priority in self.priorities.items():
            if any(path == each or path.startswith(f"{each}/") for each in priority.paths):
                return PriorityPolicy(share=priority.share, name=name)
        return PriorityPolicy(share=self.otherwise, name="other")


class Policies(Struct, frozen=True, kw_only=True):
    """All policies in force."""

    defaults: CallPolicy = CallPolicy()
    calls: dict[str, CallPolicy] = {}
    players: dict[str, PlayerPolicy] = {}
    steering: Steering = Steering()
    caches: CachePolicy = CachePolicy()
    fill: FillPolicy = FillPolicy()
    sessions: SessionPolicy = SessionPolicy()
    licences: LicencePolicy = LicencePolicy()
    streams: StreamPolicy = StreamPolicy()
    discovery: DiscoveryPolicy = DiscoveryPolicy()
    shedding: SheddingPolicy = SheddingPolicy()
    starts: StartPolicy = StartPolicy()
    history: HistoryPolicy = HistoryPolicy()
    billing: BillingPolicy = BillingPolicy()
    payment: PaymentPolicy = PaymentPolicy()

    def of(self, caller: str, callee: str) -> CallPolicy:
        """The policy of one call; the defaults where none is written."""
        return self.calls.get(f"{caller}>{callee}", self.defaults)


def read_policies(path: Path) -> Policies:
    """The policies in a file. Raises PolicyError, also when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: the policies cannot be read: {error}") from error
    return parse_policies(text, str(path))


def parse_policies(text: str, source: str = "policies.yaml") -> Policies:
    """The policies in a text; `source` names it in errors. Raises PolicyError."""
    sections = read_sections(text, source, Policies.__struct_fields__)
    defaults = sections.get("defaults", {})
    return Policies(
        defaults=typed(defaults, CallPolicy, source, "defaults"),
        calls={
            _edge(edge, source, "calls"): typed(merged(defaults, policy), CallPolicy, source, f"calls.{edge}")
            for edge, policy in sections.get("calls", {}).items()
        },
        players={
            _edge(edge, source, "players"): typed(policy, PlayerPolicy, source, f"players.{edge}")
            for edge, policy in sections.get("players", {}).items()
        },
        steering=typed(sections.get("steering", {}), Steering, source, "steering"),
        caches=typed(sections.get("caches", {}), CachePolicy, source, "caches"),
        fill=typed(sections.get("fill", {}), FillPolicy, source, "fill"),
        sessions=typed(sections.get("sessions", {}), SessionPolicy, source, "sessions"),
        licences=typed(sections.get("licences", {}), LicencePolicy, source, "licences"),
        streams=typed(sections.get("streams", {}), StreamPolicy, source, "streams"),
        discovery=typed(sections.get("discovery", {}), DiscoveryPolicy, source, "discovery"),
        shedding=typed(sections.get("shedding", {}), SheddingPolicy, source, "shedding"),
        starts=typed(sections.get("starts", {}), StartPolicy, source, "starts"),
        history=typed(sections.get("history", {}), HistoryPolicy, source, "history"),
        billing=typed(sections.get("billing", {}), BillingPolicy, source, "billing"),
        payment=typed(sections.get("payment", {}), PaymentPolicy, source, "payment"),
    )


def _edge(edge: object, source: str, section: str) -> str:
    if isinstance(edge, str) and all(part.strip() for part in edge.split(">")) and edge.count(">") == 1:
        return edge
    raise PolicyError(f"{source}: {section}.{edge}: a call is written CALLER>CALLEE")
