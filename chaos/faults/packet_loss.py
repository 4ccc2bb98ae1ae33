"""packet_loss: a link loses some of its packets, as bad cables and full queues do."""

from __future__ import annotations

from math import ceil, sqrt
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanLosePackets
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.links import Direction, Loss, change_name
from chaos.model.system import Link, Target

_FEWEST, _MOST = 20, 400
_PATIENCE_MS = 800.0
"""After a second the kernel sends a first packet again, and a second one may come through."""


class PacketLoss(Struct, frozen=True, kw_only=True):
    """Loses a `share` of the packets that pass a link in one `direction`: `to` its destination, or `from` it.

    TCP sends them again: what is felt is slowness, in steps of 0.2 s and 1 s, and at a high share connections break.
    Seen by opening some 20 to 400 connections, the more the smaller the share: active when about that share of their
    first packets stays unanswered for 0.8 s, over when none does.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanLosePackets

    share: float
    direction: Direction = "to"

    def __post_init__(self) -> None:
        if not 0.01 <= self.share <= 0.99:
            raise ValueError("the share must be 1% to 99%; to let nothing pass use one_way_partition")

    def prepare(self, environment: CanLosePackets, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        answered = environment.first_packets(target.name, _FEWEST, _PATIENCE_MS)
        if not answered or not all(answered):
            lost = f"leaves {answered.count(False)} of {len(answered)} packets unanswered"
            raise ActionFailed(f"{target.name} {lost} already, so a loss could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanLosePackets, undo: Undo) -> None:
        loss = Loss(share=self.share, direction=self.direction)
        environment.lose_packets([undo.target], change_name(undo), loss, undo.lease.expires_at)

    def revert(self, environment: CanLosePackets, undo: Undo) -> None:
        environment.stop_losing_packets([undo.target], change_name(undo))

    def active(self, environment: CanLosePackets, undo: Undo) -> Observation:
        # None at all lost of so many has a probability of e**-7 at most, one in a thousand.
        answered = environment.first_packets(undo.target, min(_MOST, max(_FEWEST, ceil(7 / self.share))), _PATIENCE_MS)
        if not answered:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        lost, sent = answered.count(False), len(answered)
        said = f"{lost} of {sent} first packets over {undo.target} stayed unanswered ({self.share:.0%} wanted)"
        if not lost:
            return Observation(Active.NO, said)
        off = 4 * sqrt(self.share * (1 - self.share) / sent) + 1 / sent
        return Observation(Active.YES if abs(lost / sent - self.share) <= off else Active.UNKNOWN, said)
