"""The sources of discovery that a configuration can name."""

from __future__ import annotations

from pathlib import Path

from target_platform.kit.config import InstanceConfig
from target_platform.kit.dns import DnsNames
from target_platform.kit.errors import PolicyError
from target_platform.kit.list_file import ListFile
from target_platform.kit.source import Source


def source_of(config: InstanceConfig) -> Source | None:
    """The source that `config.discovery` names, KIND:WHERE; None when it names none.

    Raises PolicyError for a kind that is not known.
    """
    kind, _, where = config.discovery.partition(":")
    if not kind:
        return None
    if kind == "file":
        return ListFile(Path(where), config.endpoints)
    if kind == "dns":
        return DnsNames(where, config.port, config.regions, config.endpoints)
    raise PolicyError(f"discovery {config.discovery!r} is of no kind that is known (file:PATH, dns:DOMAIN)")
