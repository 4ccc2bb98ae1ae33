"""Does nothing: shows what the machinery of a toxic costs by itself."""

from __future__ import annotations

from chaos.proxy.toxics import Toxic


class Noop(Toxic, frozen=True):
    """Passes everything as it comes. No attributes."""

    PROTOCOLS = ("tcp", "udp")
