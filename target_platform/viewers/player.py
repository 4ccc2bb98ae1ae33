"""Plays one title: playlists, segments by the buffer rule, stalls, and the moment at which a viewer gives up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import gevent
from msgspec import Struct

from target_platform.viewers import hls
from target_platform.viewers.abr import next_rung
from target_platform.viewers.behaviour import Behaviour
from target_platform.viewers.fetch import Call, Connections, Reception, RequestFailed, Route, Tally
from target_platform.viewers.playback import Playback
from target_platform.viewers.report import Reporter

Parsed = TypeVar("Parsed")


class Screening(Struct, frozen=True, kw_only=True):
    """What is to be watched: the path of the master playlist, and how many segments of it at most.

    `offered` are the paths of those playlists in it that the platform has chosen for this device; all when empty.
    """

    master: str
    segments: int
    max_height: int
    time_scale: float
    offered: frozenset[str] = frozenset()


class Player:
    """Asks the edges in their order; `deadline_ms` is for one playlist or segment, whoever serves it."""

    def __init__(
        self, connections: Connections, edges: Route, deadline_ms: float, reporter: Reporter, behaviour: Behaviour
    ) -> None:
        self._connections = connections
        self._edges = edges
        self._deadline_seconds = deadline_ms / 1000
        self._reporter = reporter
        self._buffer = behaviour.buffer
        self._patience = behaviour.patience
        self._variants: tuple[hls.Variant, ...] = ()
        self._tracks: dict[str, hls.Track] = {}
        self._begun: set[str] = set()
        self._rung = 0
        self._bits_seen = 0.0
        self._segments_seen = 0

    @property
    def reception(self) -> Reception:
        """What came from which server."""
        return self._edges.reception

    def start(self, screening: Screening, until: float) -> Playback:
        """Load the first segment, trying again until the monotonic time `until`. Raises RequestFailed after it."""
        while True:
            try:
                seconds = self._first_segment(screening, until)
            except RequestFailed as error:
                if time.monotonic() + self._patience.retry_pause_seconds >= until:
                    raise RequestFailed(f"no picture before the viewer's patience ended: {error}") from error
                gevent.sleep(self._patience.retry_pause_seconds)
                continue
            playback = Playback(time.monotonic(), screening.time_scale)
            playback.add(time.monotonic(), seconds)
            return playback

    def watch(self, screening: Screening, playback: Playback) -> None:
        """Watch up to the intended end. Raises RequestFailed when the viewer gives up."""
        last = min(screening.segments, len(self._segments()))
        for number in range(1, last):
            self._wait_for_room(number, playback, screening.time_scale)
            seconds = self._segment_or_give_up(number, playback)
            playback.add(time.monotonic(), seconds)
        playback.advance(time.monotonic())
        gevent.sleep(playback.level / screening.time_scale)
        playback.finish()

    def report_quality(self, playback: Playback) -> None:
        """Once a screening, also of one that was given up."""
        self._reporter.measure("rebuffer_permille", playback.rebuffer_permille)
        self._reporter.measure("bitrate_kbps", self._bits_seen / self._segments_seen / 1000)

    def _first_segment(self, screening: Screening, until: float) -> float:
        if not self._variants:
            text = self._playlist(screening.master, until)
            variants = _parsed(hls.parse_master, text, screening.master)
            offered = tuple(v for v in variants if v.path in screening.offered or not screening.offered)
            fitting = tuple(v for v in offered if v.height <= screening.max_height)
            self._variants = fitting or offered[:1] or variants[:1]
        return self._segment(0, until)

    def _wait_for_room(self, number: int, playback: Playback, time_scale: float) -> None:
        """A full buffer plays until the next segment fits."""
        playback.advance(time.monotonic())
        surplus = playback.level + self._segments()[number].seconds - self._buffer.max_seconds
        if surplus > 0:
            gevent.sleep(surplus / time_scale)
            playback.advance(time.monotonic())

    def _segment_or_give_up(self, number: int, playback: Playback) -> float:
        rates = [variant.bits_per_second for variant in self._variants]
        self._rung = next_rung(rates, self._rung, playback.level, self._buffer)
        while True:
            try:
                return self._segment(number)
            except RequestFailed as error:
                stalled_seconds = playback.stalled_for(time.monotonic())
                if stalled_seconds >= self._patience.stall_seconds:
                    raise RequestFailed(f"gave up after {stalled_seconds:.0f} s without a picture: {error}") from error
                self._rung = 0  # whatever it is, the smallest segment has the best chance
                gevent.sleep(self._patience.retry_pause_seconds)

    def _segment(self, number: int, until: float = float("inf")) -> float:
        """Fetch one segment at the present rung; returns its seconds."""
        variant = self._variants[self._rung]
        segment = self._segments(until)[number]
        self._load(variant.path, number, until)
        if variant.sound:
            self._load(variant.sound, number, until)
        self._bits_seen += variant.bits_per_second
        self._segments_seen += 1
        return segment.seconds

    def _segments(self, until: float = float("inf")) -> tuple[hls.Segment, ...]:
        return self._track(self._variants[self._rung].path, until).segments

    def _load(self, path: str, number: int, until: float) -> None:
        """One segment of a track, and before the first one of it what a decoder needs to begin."""
        track = self._track(path, until)
        wanted = [each.path for each in track.segments[number : number + 1]]  # sound may end before the picture
        if track.init and path not in self._begun:
            wanted.insert(0, track.init)
        for each in wanted:
            with self._reporter.request("segment") as tally:
                self._fetch(each, until, tally)
        self._begun.add(path)

    def _track(self, path: str, until: float) -> hls.Track:
        if path not in self._tracks:
            self._tracks[path] = _parsed(hls.parse_media, self._playlist(path, until), path)
        return self._tracks[path]

    def _playlist(self, path: str, until: float) -> str:
        with self._reporter.request("playlist") as tally:
            return self._fetch(path, until, tally).decode(errors="replace")

    def _fetch(self, path: str, until: float, tally: Tally) -> bytes:
        call = Call(path=path, until=min(until, time.monotonic() + self._deadline_seconds))
        answer = self._connections.ask(self._edges, call, tally)
        if answer.status != 200:
            raise RequestFailed(f"{path} was answered with {answer.status}")
        return answer.body


def _parsed(parse: Callable[[str, str], Parsed], text: str, path: str) -> Parsed:
    try:
        return parse(text, path)
    except hls.BadPlaylist as error:
        raise RequestFailed(str(error)) from error
