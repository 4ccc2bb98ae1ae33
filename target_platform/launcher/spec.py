"""What the launcher is told (LaunchSpec) and what it tells (State): the whole contract with the outside.

Both are JSON files. `chaos` reads the state file and speaks to the control socket; it never imports this.
docs/explanation/contracts.md describes the same in prose.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class InstanceSpec(Struct, frozen=True, kw_only=True):
    """One process to keep running.

    `command` starts it, with {port} filled in; empty means a bundled service, forked from the zygote with
    `config` (see kit/config.py). Services named in `after` must be ready first. A command runs in `directory`;
    empty is wherever the launcher was started. `data_dir` is where it keeps its data (empty: what `config` says); with
    `data_limit_bytes` that is made a file system of this size, which lasts as long as the system is up (bounded.py).
    One that is kept in `reserve` is held down by the holder RESERVE until somebody ends that hold.
    """

    name: str
    service: str
    region: str
    port: int
    command: tuple[str, ...] = ()
    directory: str = ""
    config: dict[str, Any] = {}
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    after: tuple[str, ...] = ()
    health_path: str = "/healthz"
    ready_path: str = "/readyz"
    metrics_path: str = "/metrics"
    data_dir: str = ""
    data_limit_bytes: int = 0
    reserve: bool = False

    @property
    def keeps_data_in(self) -> str:
        return self.data_dir or str(self.config.get("data_dir", ""))


class LinkSpec(Struct, frozen=True, kw_only=True):
    """A way from one service in one region to one instance: the caller connects to `listen_port`.

    `base_delay_ms` is added in each direction (the distance between regions); it is not a fault. `proxy_api` is the
    base URL of a proxy that somebody else keeps running and has carry the link; empty: the proxy of its region does.
    A `public` one is a way that users come by, and no part of the system's own network.
    """

    name: str
    source: str
    source_region: str
    destination: str
    destination_region: str
    destination_instance: str
    listen_port: int
    upstream_port: int
    base_delay_ms: float = 0.0
    proxy_api: str = ""
    public: bool = False


class ProxySpec(Struct, frozen=True, kw_only=True):
    """The proxy process that carries a region's outgoing links; its API listens on `api_port`."""

    region: str
    api_port: int


class LaunchSpec(Struct, frozen=True, kw_only=True):
    """A whole system. `proxy_command` starts a proxy with `--api-port N --config FILE` appended.

    `policies_file` is the effective policies.yaml the bundled services read at their start; `weakened` names the
    patches that are applied to it. With `discovery` a file in each region tells who is ready (discovery.py).
    """

    name: str
    regions: tuple[str, ...]
    instances: tuple[InstanceSpec, ...]
    links: tuple[LinkSpec, ...] = ()
    proxies: tuple[ProxySpec, ...] = ()
    proxy_command: tuple[str, ...] = ()
    policies_file: str = ""
    weakened: tuple[str, ...] = ()
    discovery: bool = False


RESERVE = "reserve"
"""Holds down what is kept in reserve."""

InstanceState = Literal["waiting", "starting", "ready", "backing off", "held down", "stopped"]


class InstanceStatus(Struct, frozen=True, kw_only=True):
    """`pid` and `started` (field 22 of /proc/PID/stat, clock ticks after boot) are None while nothing runs.

    `held_until` is the epoch second at which the last hold ends by itself; None when not held. `holders` tells them
    apart. `data_unlimited` is why its data directory has no limit although it is to have one; empty when all is well.
    """

    name: str
    service: str
    region: str
    address: str
    state: InstanceState
    pid: int | None = None
    started: int | None = None
    restarts: int = 0
    held_until: float | None = None
    holders: dict[str, float] = {}
    labels: dict[str, str] = {}
    health_path: str = ""
    metrics_path: str = ""
    log: str = ""
    data_dir: str = ""
    data_unlimited: str = ""
    reserve: bool = False

    @property
    def rests(self) -> bool:
        """It is kept in reserve, and nobody has called it up."""
        return self.reserve and set(self.holders) == {RESERVE}


class LinkStatus(Struct, frozen=True, kw_only=True):
    """`proxy_api` is the base URL of the proxy that carries it, under `name`. Users come by a `public` one."""

    name: str
    source: str
    source_region: str
    destination: str
    destination_region: str
    destination_instance: str
    address: str
    proxy_api: str
    public: bool = False


class ProxyStatus(Struct, frozen=True, kw_only=True):
    """The proxy of one region; `api` is its base URL."""

    region: str
    api: str
    state: InstanceState
    pid: int | None = None
    started: int | None = None
    restarts: int = 0
    log: str = ""

    @property
    def name(self) -> str:
        return f"proxy-{self.region}"


class DiscoveryStatus(Struct, frozen=True, kw_only=True):
    """The list of instances a region's services read; `spoilt_by` whom, and until which epoch second."""

    region: str
    file: str
    spoilt_by: dict[str, float] = {}


class State(Struct, frozen=True, kw_only=True):
    """The state file: written by rename at each change, so a reader never sees half of it."""

    version: int
    name: str
    launcher: dict[str, int]
    control: str
    regions: tuple[str, ...]
    instances: tuple[InstanceStatus, ...]
    links: tuple[LinkStatus, ...] = ()
    policies_file: str = ""
    weakened: tuple[str, ...] = ()
    log_dir: str = ""
    proxies: tuple[ProxyStatus, ...] = ()
    zygote: dict[str, int] | None = None
    zygote_restarts: int = 0
    discovery: tuple[DiscoveryStatus, ...] = ()

    @property
    def supervised(self) -> tuple[InstanceStatus | ProxyStatus, ...]:
        """Everything that has to be ready: proxies and instances."""
        return (*self.proxies, *self.instances)
