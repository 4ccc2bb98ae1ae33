"""Objectives on their own: what a system promises all year, not only while an experiment runs."""

from __future__ import annotations

from msgspec import Struct

from chaos.model.experiment import Objective


class Objectives(Struct, frozen=True, kw_only=True):
    """`name` is that of the set; it becomes a label of every rule made of it."""

    name: str
    objectives: tuple[Objective, ...]
    description: str = ""
    source: str = ""
