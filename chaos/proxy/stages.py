"""The stages of one direction, first to last: how toxics are put in and taken out, whatever it is that passes."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

from chaos.proxy.toxics import Chunk, Stage

_NONE: list[tuple[str, Stage]] = []  # one for all: a change puts another list in its place and never changes it


class Stages(ABC):
    """Named stages, each of which hands on to the next, and the last to `_leave`."""

    __slots__ = ("_stages",)

    def __init__(self) -> None:
        self._stages = _NONE

    @property
    def names(self) -> list[str]:
        """Of the stages, first to last."""
        return [name for name, _ in self._stages]

    def stage(self, name: str) -> Stage | None:
        return next((stage for held_name, stage in self._stages if held_name == name), None)

    def add(self, name: str, stage: Stage, position: int | None = None) -> None:
        """Put a stage in, by default as the last; it sees what is on its way in earlier stages and all that comes."""
        at = len(self._stages) if position is None else position
        self._connect([*self._stages[:at], (name, stage), *self._stages[at:]])

    def remove(self, name: str) -> None:
        """Take a stage out. What it held has been handed on when this returns, before anything that follows."""
        former = self.stage(name)
        if former is not None:
            former.release()
            self._connect([each for each in self._stages if each[1] is not former])

    def replace(self, name: str, stage: Stage) -> None:
        """Put another stage in the place of one; what that held has been handed on when this returns."""
        former = self.stage(name)
        if former is not None:
            former.release()
            self._connect([(each, stage if there is former else there) for each, there in self._stages])

    def discard(self) -> None:
        """Drop what they hold: nothing passes any more."""
        for _, stage in self._stages:
            stage.discard()

    @abstractmethod
    def _leave(self, chunk: Chunk) -> None:
        """What the last stage hands on."""

    def _held_bytes(self) -> int:
        held = 0
        for _, stage in self._stages:
            held += stage.held_bytes
        return held

    def _connect(self, stages: list[tuple[str, Stage]]) -> None:
        self._stages = stages
        for (_, stage), (_, following) in itertools.pairwise(stages):
            stage.forward = following.take
        if stages:
            stages[-1][1].forward = self._leave
