"""How hard a title is to encode: measured, by encoding samples of it at one quality and counting the bits.

A cartoon needs a fraction of the bits that confetti does for the same quality. Source: Aaron, Li, Manohara, De Cock and
Ronca, "Per-Title Encode Optimization" (Netflix Technology Blog, 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from target_platform.pipeline.master import Master
from target_platform.pipeline.tool import run

MEASURED_HEIGHT = 240
"""What the samples are scaled to: the lowest quality, since only the ratio to other titles is wanted."""

_QUALITY = "23"
_SAMPLES, _SAMPLE_SECONDS = 3, 2.0
_DEADLINE_SECONDS = 300.0


def measure(path: Path, master: Master) -> float:
    """The kbit/s that H.264 needs for this title at MEASURED_HEIGHT and a constant quality (CRF 23).

    Raises WorkFailed when the samples cannot be encoded.
    """
    samples = _samples(master.seconds)
    octets = sum(_sample_bytes(path, start, length) for start, length in samples)
    return octets * 8 / 1000 / sum(length for _, length in samples)


def _samples(seconds: float) -> Sequence[tuple[float, float]]:
    """Start and length of each: spread over the title, beginning after its opening titles. All of a short one."""
    if seconds <= 2 * _SAMPLES * _SAMPLE_SECONDS:
        return [(0.0, seconds)]
    return [(seconds * (n + 0.5) / _SAMPLES, _SAMPLE_SECONDS) for n in range(_SAMPLES)]


def _sample_bytes(path: Path, start: float, length: float) -> int:
    words = ["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-ss", f"{start:.3f}"]
    words += ["-t", f"{length:.3f}", "-i", str(path), "-map", "0:V:0", "-vf", f"scale=-2:{MEASURED_HEIGHT}"]
    words += ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", _QUALITY, "-threads", "1"]
    return len(run("ffmpeg", [*words, "-f", "h264", "pipe:1"], _DEADLINE_SECONDS).printed)
