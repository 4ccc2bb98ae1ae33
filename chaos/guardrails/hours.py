"""Only while people are there to look."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from chaos.model.guardrail import Go, Situation, Stop

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM")]
_DAYS: tuple[Day, ...] = get_args(Day)


class Hours(Struct, frozen=True, kw_only=True):
    """Stop outside the given weekdays and hours, and before the start if the run would not end within them.

    Hours that pass midnight (`start: "22:00"`, `end: "06:00"`) belong to the day they start on. The time zone is a name
    of the IANA database, e.g. Europe/Berlin.
    """

    days: Annotated[tuple[Day, ...], Meta(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    start: Clock = "09:00"
    end: Clock = "17:00"
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("start and end are the same time")
        _zone(self.timezone)

    def check(self, situation: Situation) -> Go | Stop:
        moments = [("it is", situation.now)]
        if situation.phase == "before":
            moments.append(("the run would last until", situation.now + situation.plan.seconds))
        for words, epoch_seconds in moments:
            local = datetime.fromtimestamp(epoch_seconds, _zone(self.timezone))
            if not self._open_at(local):
                allowed = f"{', '.join(self.days)} {self.start} to {self.end}"
                return Stop(f"{words} {local:%a %H:%M} in {self.timezone}, allowed is {allowed}")
        return Go()

    def _open_at(self, local: datetime) -> bool:
        start, end, now = time.fromisoformat(self.start), time.fromisoformat(self.end), local.time()
        if start < end:
            return start <= now < end and _day(local) in self.days
        began = local if now >= start else local - timedelta(days=1)
        return (now >= start or now < end) and _day(began) in self.days


def _day(moment: datetime) -> Day:
    return _DAYS[moment.weekday()]


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # needs no database, which small images lack
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r} on this machine, e.g. Europe/Berlin") from error
