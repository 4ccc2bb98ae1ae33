"""Instances that are there and rest until they are needed."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

Duty = Literal["rests", "comes", "serves"]


@runtime_checkable
class CanCallUp(Protocol):
    """Start instances that are kept in reserve, and put them back."""

    def call_up(self, instance: str) -> None: ...

    def send_back(self, instance: str) -> None: ...

    def duty(self, instance: str) -> Duty | None:
        """None when it is none of those that are kept in reserve, or not there any more."""
        ...
