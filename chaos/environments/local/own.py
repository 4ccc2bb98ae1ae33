"""Processes of one's own as the launcher is told of them: the LaunchSpec of docs/explanation/contracts.md, as data.

Every call gets a link of its own through the fault proxy of the caller's region, and the caller is told the link's
address in place of the destination's. So every fault works on a system that knows nothing of Steadfast.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.environments.local.settings import Call, Process, Settings
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import BadInput
from chaos.model.home import steadfast_home
from chaos.model.system import JSON

HOST = "127.0.0.1"


class Link(Struct, frozen=True, kw_only=True):
    """The launcher's LinkSpec."""

    name: str
    source: str
    source_region: str
    destination: str
    destination_region: str
    destination_instance: str
    listen_port: int
    upstream_port: int
    base_delay_ms: float
    proxy_api: str = ""


def settings_of(ref: EnvironmentRef) -> Settings:
    """The typed settings of a local environment. Raises BadInput for what the type does not know."""
    given = {key: value for key, value in ref.settings.items() if key in _KEYS}
    try:
        return msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise BadInput(f"the settings of environment {ref.name} cannot be used: {error}") from error


def home_of(ref: EnvironmentRef) -> Path:
    """The launcher's folder for this environment's own processes: one for each environment's name."""
    return steadfast_home() / "systems" / ref.name


def launch_spec(ref: EnvironmentRef) -> dict[str, JSON]:
    """What the launcher is to run, JSON-ready.

    Raises BadInput when the environment lists no processes, or a command or directory is not there on this machine.
    """
    settings = settings_of(ref)
    if not settings.processes:
        raise BadInput(f"environment {ref.name} lists no processes, so there is nothing to start", _PROCESSES_HINT)
    folder = Path(str(ref.settings.get("source") or ".")).absolute().parent
    links = links_of(settings)
    regions = tuple(dict.fromkeys(process.region for process in settings.processes))
    with_links = [region for region in regions if any(link.source_region == region for link in links)]
    instances = [each for process in settings.processes for each in _instances(process, links, folder)]
    port = settings.first_proxy_port + len(links)
    return {
        "name": ref.name,
        "regions": list(regions),
        "instances": instances,
        "links": [msgspec.structs.asdict(link) for link in links],
        "proxies": [
            {"region": region, "api_port": port + number}
            for number, region in enumerate(with_links)
            if not settings.toxiproxy
        ],
    }


def links_of(settings: Settings) -> list[Link]:
    """One for each call of each instance."""
    found = []
    for number, (source, region, (process, replica)) in enumerate(settings.links):
        instance = process.instances[replica]
        link = Link(
            name=f"{region}/{source}>{instance}",
            source=source,
            source_region=region,
            destination=process.of_service,
            destination_region=process.region,
            destination_instance=instance,
            listen_port=settings.first_proxy_port + number,
            upstream_port=process.port + replica,
            base_delay_ms=0.0 if region == process.region else settings.distance_ms,
            proxy_api=settings.toxiproxy,
        )
        found.append(link)
    return found


def _instances(process: Process, links: list[Link], folder: Path) -> list[JSON]:
    told = {call.variable: _told(call, process, links) for call in process.calls}
    environment = {**process.environment, **told}
    directory = (folder / Path(process.directory).expanduser()).resolve()
    if not directory.is_dir():
        raise BadInput(f"{process.name}: there is no directory {directory}", "it is relative to the environment file")
    command = [_filled(word, told) for word in _words(process)]
    _check_command(process.name, command[0], directory, environment)
    return [
        {
            "name": name,
            "service": process.of_service,
            "region": process.region,
            "port": process.port + number,
            "command": [*command],
            "directory": str(directory),
            "environment": {"PORT": str(process.port + number), **environment},
            "labels": {**process.labels},
            "after": list(process.after),
            "health_path": _path(process.health),
            "ready_path": _path(process.health),
            "metrics_path": _path(process.metrics),
        }
        for number, name in enumerate(process.instances)
    ]


def _told(call: Call, caller: Process, links: list[Link]) -> str:
    """What the caller reads in the variable: the address of every link to the service."""
    mine = (each for each in links if (each.source, each.source_region) == (caller.of_service, caller.region))
    ports = [str(each.listen_port) for each in mine if each.destination == call.service]
    values = (
        call.value.replace("{address}", f"{HOST}:{port}").replace("{host}", HOST).replace("{port}", port)
        for port in ports
    )
    return ",".join(values)


def _words(process: Process) -> list[str]:
    if not isinstance(process.command, str):
        words = list(process.command)
    else:
        try:
            words = shlex.split(process.command)
        except ValueError as error:
            raise BadInput(
                f"{process.name}: its command cannot be split into words: {error}", process.command
            ) from error
    if not words:
        raise BadInput(f"{process.name}: its command is empty", "e.g. python -m http.server {port}")
    return words


def _filled(word: str, told: dict[str, str]) -> str:
    """{port} is left to the launcher, which knows which replica it starts."""
    for variable, value in told.items():
        word = word.replace("{" + variable + "}", value)
    return word


def _check_command(name: str, program: str, directory: Path, environment: dict[str, str]) -> None:
    """The program must be there before anything starts: a missing one would only be seen to die, again and again."""
    where = str(directory / program) if "/" in program else program
    if shutil.which(where, path=environment.get("PATH", os.environ.get("PATH"))) is None:
        hint = (
            "a path is relative to the process's directory" if "/" in program else "is it installed, and on the PATH?"
        )
        raise BadInput(f"{name}: there is no command {program}", hint)


def _path(given: str) -> str:
    return "" if given == "none" else given


_KEYS = {field.encode_name for field in msgspec.structs.fields(Settings)}
_PROCESSES_HINT = "list them under settings: processes; `chaos init` writes a first file"
