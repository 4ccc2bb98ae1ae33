"""What a worker encodes: one chunk of one rendition, or a sound track as a whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform.media.published import Rendition
from target_platform.pipeline.errors import WorkFailed
from target_platform.pipeline.job import Track
from target_platform.pipeline.master import Master
from target_platform.pipeline.profile import Codec, Sound
from target_platform.pipeline.split import Chunk
from target_platform.pipeline.tool import run

QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")
CHECK_SECONDS = 60.0
_TWO_SOUND_FRAMES_SECONDS = 0.07


class Picture(Struct, frozen=True, kw_only=True):
    """Which rendition, in groups of how many frames."""

    rendition: Rendition
    codec: Codec
    segment_frames: int


def chunk_words(source: Path, master: Master, chunk: Chunk, picture: Picture, target: Path) -> list[str]:
    """ffmpeg's words for one chunk: exactly its frames, numbered from 0, with a key frame at each segment.

    It seeks to half a frame before the first one, where rounding cannot go to the neighbour, and counts frames instead
    of seconds from there on.
    """
    rate = master.frames_per_second
    start = max(Fraction(0), (chunk.first_frame - Fraction(1, 2)) / rate)
    shown = picture.rendition
    numbered = f"scale={shown.width}:{shown.height},setsar=1,settb={1 / rate},setpts=N"
    group = str(picture.segment_frames)
    return [
        *QUIET,
        *("-threads", "1", "-ss", f"{float(start):.6f}", "-i", str(source)),
        *("-map", "0:V:0", "-frames:v", str(chunk.frames), "-vf", numbered, "-fps_mode", "passthrough"),
        *("-pix_fmt", "yuv420p", *picture.codec.words, "-threads", "1", "-filter_threads", "1"),
        *("-g", group, "-keyint_min", group, *_rate_words(shown.kbps, picture.codec)),
        *("-map_metadata", "-1", "-f", "mp4", str(target)),
    ]


def _rate_words(kbps: int, codec: Codec) -> list[str]:
    """Capped a quarter above the average over two seconds, so that segments of a rendition are of similar size."""
    average = ["-b:v", f"{kbps}k"]
    return [*average, "-maxrate", f"{kbps * 5 // 4}k", "-bufsize", f"{2 * kbps}k"] if codec.capped else average


def sound_words(source: Path, seconds: float, sound: Sound, track: Track, target: Path) -> list[str]:
    """ffmpeg's words for a sound track, exactly as long as the picture: silence is added, or what is left over cut off.

    As a whole, since an encoder of sound looks beyond every border: pieces put together would click.
    """
    even = "aresample=48000:async=1:first_pts=0,apad"
    return [
        *QUIET,
        *("-i", str(source), "-map", "0:a:0", "-af", even, "-t", f"{seconds:.6f}"),
        *(*sound.words, "-map_metadata", "-1", "-metadata:s:a:0", f"language={track.language}"),
        *("-f", "mp4", str(target)),
    ]


def encode_chunk(source: Path, master: Master, chunk: Chunk, picture: Picture, target: Path) -> None:
    """Raises WorkFailed, also when the encoder ended well and did not write what it should have."""
    run("ffmpeg", chunk_words(source, master, chunk, picture, target), deadline_seconds(chunk.frames, master))
    check_frames(target, chunk.frames)


def encode_sound(source: Path, master: Master, sound: Sound, track: Track, target: Path) -> None:
    """Raises WorkFailed."""
    run("ffmpeg", sound_words(source, master.seconds, sound, track, target), deadline_seconds(master.frames, master))
    check_length(target, master.seconds)


def deadline_seconds(frames: int, master: Master) -> float:
    """An encoder that has worked at less than a thirtieth of the speed of playing hangs."""
    return 60 + 30 * float(frames / master.frames_per_second)


def check_length(path: Path, seconds: float) -> None:
    """Raises WorkFailed when a sound track is shorter than it must be, by more than two of its frames."""
    words = ["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration", str(path)]
    printed = run("ffprobe", words, CHECK_SECONDS).printed.decode().strip()
    length = float(printed) if printed.replace(".", "", 1).isdecimal() else 0.0  # "N/A" where there is nothing
    if length < seconds - _TWO_SOUND_FRAMES_SECONDS:
        raise WorkFailed(f"{path.name} has {length:.3f} s of sound instead of {seconds:.3f}: was the disk full?")


class Counted(Struct, frozen=True):
    nb_read_packets: str = "0"


class Streams(Struct, frozen=True):
    streams: tuple[Counted, ...] = ()


def check_frames(path: Path, frames: int) -> None:
    """Raises WorkFailed when a file does not hold exactly so many frames: ffmpeg may end with 0 on a full disk."""
    words = ["-v", "error", "-of", "json", "-count_packets", "-select_streams", "v:0"]
    words += ["-show_entries", "stream=nb_read_packets", str(path)]
    printed = run("ffprobe", words, CHECK_SECONDS).printed
    found = sum(int(each.nb_read_packets) for each in msgspec.json.decode(printed, type=Streams).streams)
    if found != frames:
        raise WorkFailed(
            f"{path.name} has {found} frames instead of {frames}: the disk was full, or the master ends earlier."
        )
