"""The stages of one direction that carries whole datagrams: nothing is joined or cut, and nothing waits for room."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from chaos.proxy.toxics import Chunk, Stage

HELD_BYTES_LIMIT = 8 * 1024 * 1024
"""A datagram that comes while more is held is dropped, as a full router does: nobody can be made to wait."""


class Chain:
    """Hands datagrams through its stages, first to last, to `send`. Stages come and go as on a Stream."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.received_bytes = 0
        self.sent_bytes = 0
        self._send = send
        self._stages: list[tuple[str, Stage]] = []

    @property
    def names(self) -> list[str]:
        """Of the stages, first to last."""
        return [name for name, _ in self._stages]

    def stage(self, name: str) -> Stage | None:
        return next((stage for held_name, stage in self._stages if held_name == name), None)

    def take(self, chunk: Chunk) -> None:
        """What has come from the one side, on its way to the other."""
        if isinstance(chunk, bytes):
            self.received_bytes += len(chunk)
        if not self._stages:
            self._leave(chunk)
        elif sum(stage.held_bytes for _, stage in self._stages) <= HELD_BYTES_LIMIT:
            self._stages[0][1].take(chunk)

    def add(self, name: str, stage: Stage, position: int | None = None) -> None:
        at = len(self._stages) if position is None else position
        self._connect([*self._stages[:at], (name, stage), *self._stages[at:]])

    def remove(self, name: str) -> None:
        """What the stage held has been handed on when this returns."""
        former = self.stage(name)
        if former is not None:
            former.release()
            self._connect([each for each in self._stages if each[0] != name])

    def replace(self, name: str, stage: Stage) -> None:
        former = self.stage(name)
        if former is not None:
            former.release()
            self._connect([(each, stage if each == name else there) for each, there in self._stages])

    def discard(self) -> None:
        for _, stage in self._stages:
            stage.discard()

    def _connect(self, stages: list[tuple[str, Stage]]) -> None:
        self._stages = stages
        for (_, stage), (_, following) in itertools.pairwise(stages):
            stage.forward = following.take
        if stages:
            stages[-1][1].forward = self._leave

    def _leave(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.sent_bytes += len(chunk)
            self._send(chunk)
