"""What an environment file of type local may have under `settings`: a state file, or processes of one's own."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from chaos.model.environment import BadSetting

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="letters, digits, '.', '_' and '-', at most 63, a letter or digit first:",
    ),
]
Port = Annotated[int, Meta(ge=1, le=65535)]

_RESERVED = ("launcher", "zygote", "proxy", "logs", "pids")
"""Names that the launcher's own files have."""


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service that is called. The caller is told the links' addresses in the environment variable `variable`.

    `value` is written once for each instance of the service, the own region's first, and joined with commas;
    {address} is host:port, {host} and {port} its parts.
    """

    service: Name
    variable: Annotated[
        str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an environment variable:")
    ]
    value: str = "http://{address}"


class Process(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process to keep running; with `replicas` several, on the ports from `port` on.

    `command` may hold {port} and the variables of its calls in braces; a text is split as a shell would, without
    its other powers. `health` is a path that answers 2xx when the process can serve, or none: then it is enough that it
    accepts connections. `directory` is relative to the environment file.
    """

    name: Name
    command: str | tuple[str, ...]
    port: Port
    service: str = ""
    region: Name = "local"
    replicas: Annotated[int, Meta(ge=1, le=100)] = 1
    health: str = "none"
    metrics: str = "none"
    labels: dict[str, str] = {}
    environment: dict[str, str] = {}
    directory: str = "."
    after: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    def __post_init__(self) -> None:
        if self.name in _RESERVED or self.name.startswith("proxy-"):
            raise BadSetting(f"{self.name} is a name of the launcher's own", "choose another", ("name",))
        for key, path in (("health", self.health), ("metrics", self.metrics)):
            if path != "none" and not path.startswith("/"):
                raise BadSetting(f'"{path}" is no path', "e.g. /healthz, or none", (key,))
        if self.port + self.replicas - 1 > 65535:
            raise BadSetting(f"{self.replicas} replicas from port {self.port} on pass port 65535", "", ("replicas",))

    @property
    def of_service(self) -> str:
        return self.service or self.name

    @property
    def instances(self) -> tuple[str, ...]:
        """The names of its replicas; a single one has the process's own name."""
        if self.replicas == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.replicas + 1))


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`state` is the state file of a system that is kept running elsewhere; without it, and without `processes`, the
    bundled platform is meant.

    `processes` are processes of your own: `chaos platform up --environment FILE` runs them with a fault proxy on
    every call. The proxies take ports from `proxy_port` on; by default those after the highest port of a process.
    `distance_ms` is added, in each direction, to what passes between regions.
    `toxiproxy` is the URL of a Toxiproxy on this machine that carries the links instead of proxies of ours.
    """

    state: str = ""
    processes: tuple[Process, ...] = ()
    proxy_port: Port | None = None
    distance_ms: Annotated[float, Meta(ge=0)] = 0.0
    toxiproxy: Annotated[str, Meta(pattern=r"^(http://[A-Za-z0-9.-]+:[0-9]+)?$", description="http://HOST:PORT:")] = ""

    def __post_init__(self) -> None:
        if self.toxiproxy and not self.processes:
            raise BadSetting("toxiproxy carries the links of processes, and there are none", "", ("toxiproxy",))
        if self.toxiproxy and self.distance_ms:
            raise BadSetting("Toxiproxy has no distance between regions", "leave distance out", ("distance",))
        if self.state and self.processes:
            raise BadSetting("settings have both state and processes", "one or the other", ("state",))
        names: dict[str, str] = {}
        ports: dict[int, str] = {}
        services = {process.of_service for process in self.processes}
        for index, process in enumerate(self.processes):
            _check_free(process, index, names, ports)
            _check_known(process, index, services)
        proxies = range(self.first_proxy_port, self.first_proxy_port + self.ports_of_proxies)
        if proxies and proxies[-1] > 65535:
            raise BadSetting("the proxies' ports would pass port 65535", "give proxyPort", ("processes",))
        taken = next((port for port in proxies if port in ports), None)
        if taken is not None:
            raise BadSetting(
                f"the proxies take the ports {proxies[0]} to {proxies[-1]}, and {ports[taken]} has {taken}",
                "leave proxyPort out to have them follow the highest port",
                ("proxyPort",),
            )

    @property
    def first_proxy_port(self) -> int:
        if self.proxy_port is not None:
            return self.proxy_port
        return max((process.port + process.replicas for process in self.processes), default=0)

    @property
    def ports_of_proxies(self) -> int:
        """How many are needed: one for each link, and one for the API of each region that has links."""
        return len(self.links) + (0 if self.toxiproxy else len({region for _, region, _ in self.links}))

    @property
    def links(self) -> tuple[tuple[str, str, tuple[Process, int]], ...]:
        """(calling service, its region, (called process, which replica)), each once, the own region's first."""
        found: dict[tuple[str, str, str, int], tuple[str, str, tuple[Process, int]]] = {}
        for caller in self.processes:
            for service in dict.fromkeys(call.service for call in caller.calls):
                called = [process for process in self.processes if process.of_service == service]
                for process in sorted(called, key=lambda each: each.region != caller.region):
                    for replica in range(process.replicas):
                        key = (caller.of_service, caller.region, process.name, replica)
                        found[key] = (caller.of_service, caller.region, (process, replica))
        return tuple(found.values())


def _check_free(process: Process, index: int, names: dict[str, str], ports: dict[int, str]) -> None:
    for number, name in enumerate(process.instances):
        if name in names:
            raise BadSetting(f"two instances are called {name}", "", ("processes", index, "name"))
        names[name] = name
        port = process.port + number
        if port in ports:
            hint = f"the ports of {process.name} are {process.port} to {process.port + process.replicas - 1}"
            raise BadSetting(
                f"port {port} is given to {ports[port]} and to {name}",
                hint if process.replicas > 1 else "give each a port of its own",
                ("processes", index, "port"),
            )
        ports[port] = name


def _check_known(process: Process, index: int, services: set[str]) -> None:
    known = f"services: {', '.join(sorted(services))}"
    for number, call in enumerate(process.calls):
        if call.service not in services:
            sentence = f"{process.name} calls {call.service}, which no process offers"
            raise BadSetting(sentence, known, ("processes", index, "calls", number, "service"))
    for number, service in enumerate(process.after):
        if service not in services:
            sentence = f"{process.name} is to start after {service}, which no process offers"
            raise BadSetting(sentence, known, ("processes", index, "after", number))
