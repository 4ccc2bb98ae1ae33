"""Loses datagrams, as networks do: nobody is told."""

from __future__ import annotations

from chaos.proxy.toxics.packet_loss import PacketLoss


class UdpLoss(PacketLoss, frozen=True):
    """Each is lost with probability `loss_rate` (0 to 1); after a lost one with `correlation` more."""

    PROTOCOLS = ("udp",)
