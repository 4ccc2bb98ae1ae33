"""What `chaos` reads of the launcher's state file (docs/explanation/contracts.md)."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.model.errors import ActionFailed

RESERVE = "reserve"
"""Holds down what the launcher keeps in reserve."""


class InstanceStatus(Struct, frozen=True, kw_only=True):
    """`pid` counts only together with `started`; `held_until` and those of `holders` are in epoch seconds."""

    name: str
    service: str
    region: str
    address: str
    state: str = ""
    pid: int | None = None
    started: int | None = None
    held_until: float | None = None
    holders: dict[str, float] = {}
    data_dir: str = ""
    labels: dict[str, str] = {}
    health_path: str = ""
    metrics_path: str = ""
    reserve: bool = False

    @property
    def rests(self) -> bool:
        """It is kept in reserve, and nobody has called it up."""
        return self.reserve and RESERVE in self.holders


class LinkStatus(Struct, frozen=True, kw_only=True):
    """`proxy_api` is the base URL of the proxy that carries it under `name`. Users come by a `public` one."""

    name: str
    source: str
    source_region: str
    destination: str
    destination_region: str
    destination_instance: str
    address: str
    proxy_api: str
    public: bool = False


class DiscoveryStatus(Struct, frozen=True, kw_only=True):
    """`file` is the list of instances a region's services read; `spoilt_by` are epoch seconds, by holder."""

    region: str
    file: str
    spoilt_by: dict[str, float] = {}


class State(Struct, frozen=True, kw_only=True):
    name: str = ""
    launcher: dict[str, int] = {}
    control: str = ""
    regions: tuple[str, ...] = ()
    instances: tuple[InstanceStatus, ...] = ()
    links: tuple[LinkStatus, ...] = ()
    discovery: tuple[DiscoveryStatus, ...] = ()


_DECODER = msgspec.json.Decoder(State)


def read_state(path: Path) -> State | None:
    """The state of this moment, None without a file. Raises ActionFailed for a file that cannot be used."""
    try:
        return _DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except msgspec.DecodeError as error:
        raise _unusable(path, str(error)) from error


def _unusable(path: Path, why: str) -> ActionFailed:
    hint = "if the platform runs, `chaos platform up` has it written anew"
    return ActionFailed(f"the state file {path} cannot be used: {why}", hint, took_effect="no")
