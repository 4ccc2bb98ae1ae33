"""What one instance is told at its start."""

from __future__ import annotations

from msgspec import Struct


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where to connect to reach one instance of another service (through a link's proxy).

    `public_address` is where the instance itself listens: what viewers are given.
    """

    instance: str
    region: str
    address: str
    public_address: str = ""


class InstanceConfig(Struct, frozen=True, kw_only=True):
    """One instance: its name, where it listens, whom it can reach. Paths are absolute and of its own region.

    `endpoints` maps the name of a called service to its instances in all regions. `discovery` is where to hear, while
    it runs, which of them exist: "file:PATH" (list_file.py); empty when nobody tells.
    """

    name: str
    service: str
    region: str
    port: int
    host: str = "127.0.0.1"
    regions: tuple[str, ...]
    policies_file: str
    data_dir: str
    log_dir: str
    endpoints: dict[str, tuple[Endpoint, ...]] = {}
    settings: dict[str, str] = {}
    discovery: str = ""
