"""What the monkey may do: the section `monkey` of an environment file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chaos.model.system import JSON


class Monkey(Struct, frozen=True, kw_only=True):
    """Instances that have all labels of `opt_in` may be killed, one of each group at a time.

    A group are the instances that agree in what `group` names. `hours` are the parameters of the guardrail `hours`.
    `max_per_day` counts kills of a group in 24 hours, `max_group_share` is what share of a group one kill may be, and
    `min_time_between_seconds` passes between two kills of a group. What is killed is kept down for `hold_seconds`.
    """

    opt_in: Annotated[dict[str, str], Meta(min_length=1)]
    group: Annotated[tuple[Literal["service", "region"], ...], Meta(min_length=1)] = ("service", "region")
    hours: dict[str, JSON] = {}
    max_per_day: Annotated[int, Meta(ge=1)] = 1
    max_group_share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    min_time_between_seconds: Annotated[float, Meta(ge=0)] = 3600.0
    hold_seconds: Annotated[float, Meta(gt=0)] = 5.0
