"""A viewer's place in a title: written now and then, and read back, so that a lost or an old one is noticed.

A region must show what it has acknowledged, at once; another region must show it sooner or later. What failed to be
answered is a failed `progress_write` or `progress_read`; what was answered wrongly is a failed `progress_kept`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from msgspec import Struct

from target_platform.viewers.fetch import Answer, RequestFailed
from target_platform.viewers.playback import Playback
from target_platform.viewers.report import Reporter
from target_platform.viewers.rhythm import Rhythm

LOOK_AGAIN_SECONDS = 0.25

Ask = Callable[[str, str, dict[str, Any] | None], Answer]
"""(request name, path, body) -> answer. Reports the request, and raises RequestFailed."""


class Place(Struct, frozen=True, order=True):
    """Of two the later one is the newer; `sequence` decides within one millisecond."""

    at_ms: int
    sequence: int


class Diary:
    """The place of one viewer in one title during one session, which `session` names."""

    def __init__(self, path: str, session: str, ask: Ask, reporter: Reporter) -> None:
        self._path = path
        self._session = session
        self._ask = ask
        self._reporter = reporter
        self._last = Place(0, 0)
        self._acknowledged: dict[str, Place] = {}

    def keep_until(self, left: Event, playback: Playback, rhythm: Rhythm) -> None:
        """Read back and write every so often, and once more at the end."""
        while not left.wait(rhythm.pause_seconds()):
            self.read_back()
            self.write(playback.played)
        self.write(playback.played, left=True)
        self.read_back()

    def write(self, position_seconds: float, left: bool = False) -> None:
        """`left`: the last one; whoever counts the devices that play need count this one no longer."""
        at_ms = max(int(time.time() * 1000), self._last.at_ms + 1)  # a clock that is set back reorders nothing
        self._last = place = Place(at_ms, self._last.sequence + 1)
        body = {
            "position_seconds": round(position_seconds, 1),
            "at_ms": place.at_ms,
            "sequence": place.sequence,
            "session": self._session,
            **({"left": True} if left else {}),
        }
        begun = time.time()
        try:
            region = _region(self._ask("progress_write", self._path, body))
        except RequestFailed:  # reported; it may be kept or not
            self._note("write", begun, outcome="unknown", version=(place.at_ms, place.sequence))
            return
        self._acknowledged[region] = place
        self._note("write", begun, region=region, version=(place.at_ms, place.sequence))

    def read_back(self) -> None:
        """Ask for the place, and report whether it is at least as new as what that region has acknowledged."""
        begun = time.time()
        try:
            answer = self._ask("progress_read", self._path, None)
            region, shown = _region(answer), _shown(answer)
        except RequestFailed:
            return
        self._note_shown("read", begun, region, shown)
        acknowledged = self._acknowledged.get(region)
        if acknowledged is None:
            return
        try:
            with self._reporter.request("progress_kept"):
                if shown is None or shown < acknowledged:
                    raise RequestFailed(f"{region} has lost a place that it had acknowledged")
        except RequestFailed:
            pass

    def audit(self, until: float) -> None:
        """Look until what any region has acknowledged is shown, or the monotonic time `until`, and note what was last.

        Reported as `audit`, so that it is not taken for what a viewer wanted.
        """
        if not self._acknowledged:
            return
        newest, region, shown, answered, begun = max(self._acknowledged.values()), "", None, False, time.time()
        while time.monotonic() < until and (shown is None or shown < newest):
            if answered:
                gevent.sleep(LOOK_AGAIN_SECONDS)
            begun = time.time()
            try:
                answer = self._ask("audit", self._path, None)
                region, shown, answered = _region(answer), _shown(answer), True
            except RequestFailed:
                gevent.sleep(LOOK_AGAIN_SECONDS)
        if answered:
            self._note_shown("audit", begun, region, shown)
        else:
            self._note("audit", begun, outcome="fail")

    def travel(self, elsewhere: Callable[[str], Answer], patience_seconds: float) -> None:
        """Look from another region until the last acknowledged place is seen there, and report how long it took."""
        if not self._acknowledged:
            return
        acknowledged, until = max(self._acknowledged.values()), time.monotonic() + patience_seconds
        try:
            with self._reporter.request("progress_travelled"):
                while not self._is_seen(elsewhere, acknowledged):
                    if time.monotonic() > until:
                        raise RequestFailed(f"after {patience_seconds:g} s the other region does not show the place")
                    gevent.sleep(LOOK_AGAIN_SECONDS)
        except RequestFailed:
            pass

    def _note_shown(self, kind: str, begun: float, region: str, shown: Place | None) -> None:
        self._note(kind, begun, region=region, version=(shown.at_ms, shown.sequence) if shown else None)

    def _note(self, kind: str, begun: float, **rest: Any) -> None:
        key = self._path.removeprefix("/progress/")
        self._reporter.operation(kind, begun, key=key, session=self._session, **rest)

    def _is_seen(self, elsewhere: Callable[[str], Answer], acknowledged: Place) -> bool:
        try:
            shown = _shown(elsewhere(self._path))
        except RequestFailed:
            return False  # nobody answers there: no news
        return shown is not None and shown >= acknowledged


def _region(answer: Answer) -> str:
    return str(_said(answer).get("region", ""))


def _shown(answer: Answer) -> Place | None:
    progress = _said(answer).get("progress")
    return Place(int(progress["at_ms"]), int(progress["sequence"])) if progress else None


def _said(answer: Answer) -> dict[str, Any]:
    said = answer.json()
    if not isinstance(said, dict):
        raise RequestFailed("the answer is no place in a title")
    return said
