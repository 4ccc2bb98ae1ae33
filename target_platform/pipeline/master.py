"""The master file: what is in it, and whether it is fit to be published. Nothing is stored for one that is not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform.pipeline.errors import Rejected, WorkFailed
from target_platform.pipeline.profile import Limits
from target_platform.pipeline.tool import run

CONTAINERS = {
    "mov,mp4,m4a,3gp,3g2,mj2": (".mp4", ".mov", ".m4v"),
    "matroska,webm": (".mkv", ".webm"),
    "mpegts": (".ts", ".m2ts"),
    "mxf": (".mxf",),
}
"""ffprobe's name of what is in a file, and what such a file may be called."""

_FIRST_BOXES = (b"ftyp", b"mdat", b"free", b"wide", b"skip")
_LOOK_SECONDS = 60.0
_SCAN_SECONDS = 1800.0
_MISSING_SECONDS = 0.5


class Master(Struct, frozen=True, kw_only=True):
    """`rate` is frames a second, as "24" or "30000/1001"; `width` is what is to be shown, with square pixels."""

    frames: int
    rate: str
    width: int
    height: int

    @property
    def frames_per_second(self) -> Fraction:
        return Fraction(self.rate)

    @property
    def seconds(self) -> float:
        return float(self.frames / self.frames_per_second)


class Stream(Struct, frozen=True, kw_only=True):
    """One stream as ffprobe tells of it."""

    codec_type: str = ""
    width: int = 0
    height: int = 0
    r_frame_rate: str = "0/0"
    sample_aspect_ratio: str = "1:1"
    disposition: dict[str, int] = {}


class Container(Struct, frozen=True, kw_only=True):
    """`duration` is what the file's head claims, in seconds."""

    format_name: str = ""
    duration: str = "0"


class Found(Struct, frozen=True, kw_only=True):
    """What ffprobe tells of a file's head."""

    streams: tuple[Stream, ...] = ()
    format: Container = Container()


def inspect(path: Path, limits: Limits) -> Master:
    """Read the head, then the times of all frames. Raises Rejected with the reason."""
    found = look(path)
    picture = next((each for each in found.streams if _is_picture(each)), None)
    if picture is None:
        raise Rejected(f"{path.name} has no picture track.")
    if not any(each.codec_type == "audio" for each in found.streams):
        raise Rejected(f"{path.name} has no sound track. Send a master with sound; for a silent film, a silent track.")
    claimed = _seconds(found.format.duration)
    if claimed > limits.longest_seconds:
        raise Rejected(f"{path.name} is {_hours(claimed)} long; at most {_hours(limits.longest_seconds)} are taken.")
    times = _frame_times(path)
    master = _master(picture, len(times))
    _check_rate(path, times, master.frames_per_second)
    if master.seconds < limits.shortest_seconds:
        raise Rejected(
            f"{path.name} is {master.seconds:.2f} s long; at least {limits.shortest_seconds:g} s are needed."
        )
    if master.seconds < claimed - _MISSING_SECONDS:
        raise Rejected(
            f"{path.name} is cut short: its head claims {claimed:.1f} s, and there are pictures for "
            f"{master.seconds:.1f} s. Send it again."
        )
    return master


def look(path: Path) -> Found:
    """What the file's head says, if it is a media file and is called what it is. Raises Rejected."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise Rejected(f"{path.name} has no content: 0 bytes.")
    words = ["-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    try:
        found = msgspec.json.decode(run("ffprobe", words, _LOOK_SECONDS).printed, type=Found)
    except WorkFailed as error:
        raise Rejected(_why_unreadable(path, str(error))) from error
    _check_name(path, found.format.format_name)
    return found


def _why_unreadable(path: Path, complaint: str) -> str:
    with path.open("rb") as opened:
        begins_as_mp4 = opened.read(8)[4:] in _FIRST_BOXES
    if begins_as_mp4 and "moov atom not found" in complaint:
        return f"{path.name} is cut short: its table of contents, which stands at its end, is missing. Send it again."
    return f"{path.name} is no media file that can be read, whatever its name says.\n{complaint}"


def _check_name(path: Path, container: str) -> None:
    if container not in CONTAINERS:
        known = ", ".join(sorted(name for names in CONTAINERS.values() for name in names))
        raise Rejected(f"{path.name} is mislabelled: what is in it is {container!r}. Taken are {known}.")
    if path.suffix.lower() not in CONTAINERS[container]:
        fitting = " or ".join(CONTAINERS[container])
        raise Rejected(f"{path.name} is mislabelled: what is in it is {container!r}, which would be called {fitting}.")


def _frame_times(path: Path) -> Sequence[float]:
    """When each frame is shown, in seconds, in order. Raises Rejected where a part of the file is missing."""
    words = ["-v", "error", "-select_streams", "V:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0", str(path)]
    try:
        scanned = run("ffprobe", words, _SCAN_SECONDS)
    except WorkFailed as error:
        raise Rejected(f"{path.name} cannot be read to its end. {error}") from error
    if scanned.complained:
        raise Rejected(f"{path.name} is damaged or cut short: {scanned.complained.strip().splitlines()[-1]}")
    lines = (line.strip().rstrip(",") for line in scanned.printed.decode().splitlines())
    return sorted(_seconds(line) for line in lines if line)


def _master(picture: Stream, frames: int) -> Master:
    aspect = _fraction(picture.sample_aspect_ratio.replace(":", "/")) or Fraction(1)
    rate = _fraction(picture.r_frame_rate)
    if not rate or not frames:
        raise Rejected("The picture track has no frames, or does not say how many a second there are.")
    return Master(frames=frames, rate=str(rate), width=round(picture.width * aspect), height=picture.height)


def _check_rate(path: Path, times: Sequence[float], rate: Fraction) -> None:
    """Chunks are cut by the number of a frame: it must say when the frame is shown."""
    a_frame = 1 / float(rate)
    late = next((n for n, at in enumerate(times) if abs(at - times[0] - n * a_frame) > 1.5 * a_frame), None)
    if late is not None:
        raise Rejected(
            f"{path.name} has frames missing or of changing length, the first at {times[late]:.2f} s: "
            f"{float(rate):.3f} a second would be even. Make its frame rate constant (ffmpeg -fps_mode cfr)."
        )


def _is_picture(stream: Stream) -> bool:
    """A cover is a picture too, for ffprobe."""
    return stream.codec_type == "video" and not stream.disposition.get("attached_pic")


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "N/A"
        return 0.0


def _fraction(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):  # "0/0" and "N/A" are what is not known
        return None


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours"
