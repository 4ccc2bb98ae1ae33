"""Masters made by ffmpeg, the pipeline as a command, and published titles as a player would decode them."""

from __future__ import annotations

import subprocess
import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import msgspec

from target_platform.media.ffmpeg import find_binary
from target_platform.media.published import Published
from target_platform.services.licence import content_key
from target_platform.stores.objects.interface import Objects
from target_platform.topology import LICENCE_SECRET

SUBTITLES = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n{hello}\n\n00:00:03.000 --> 00:00:04.000\n{bye}\n"


def ffmpeg(*words: str) -> None:
    subprocess.run([find_binary("ffmpeg"), "-v", "error", "-y", "-nostdin", *words], check=True)


def make_master(path: Path, seconds: int, size: str = "320x180", rate: str = "24") -> Path:
    """A moving test picture and a tone."""
    picture, sound = (
        f"testsrc2=size={size}:rate={rate}:duration={seconds}",
        f"sine=sample_rate=48000:duration={seconds}",
    )
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"]
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *coded, str(path))
    return path


def make_sides(folder: Path, seconds: int) -> list[str]:
    """Words of the command for subtitles in two languages and a dubbed track."""
    (folder / "en.vtt").write_text(SUBTITLES.format(hello="Hello", bye="Goodbye"))
    (folder / "de.vtt").write_text(SUBTITLES.format(hello="Guten Tag", bye="Auf Wiedersehen"))
    tone = f"sine=frequency=660:sample_rate=48000:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "aac", str(folder / "de.mp4"))
    subtitles = [f"--subtitles={each}={folder / each}.vtt" for each in ("en", "de")]
    return [*subtitles, f"--dub=de={folder / 'de.mp4'}"]


def ingesting(master: Path, store: Path | str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "target_platform.pipeline", "ingest", str(master), "--title", "the-film"]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, "--store", str(store), *words], stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str], status: int) -> str:
    """What it printed: on stdout when it ended well, on stderr when not."""
    printed, complained = process.communicate(timeout=300)
    assert process.returncode == status, complained
    return complained if status else printed


def result(process: subprocess.Popen[str]) -> Published:
    return msgspec.json.decode(ended(process, 0), type=Published)


def encoder_of(worker: int) -> int | None:
    """The process id of the encoder that a worker waits for: not before it is one, and will die with the worker."""
    return next((pid for pid in children(worker) if _is_encoder(_words(pid))), None)


def _is_encoder(words: list[bytes]) -> bool:
    return b"ffmpeg" in words[0] and b"-frames:v" in words and b"-g" in words if words else False


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended
        return []


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def segments(objects: Objects, title: Published, track: str) -> list[str]:
    """Keys of a track's segments, as they lie in the store."""
    folder = f"{title.hls.rpartition('/')[0]}/{track}/"
    return [each.key for each in objects.under(folder) if each.key.endswith((".m4s", ".vtt"))]


def decoded(objects: Objects, title: Published, track: str, folder: Path) -> list[int]:
    """The times of all frames of a track, in units of a frame, as decoded with the key of the licence servers.

    For AV1 there is no decoder in our ffmpeg: its frames are taken apart as far as their headers go.
    """
    init = f"{title.hls.rpartition('/')[0]}/{track}/init.mp4"
    encrypted = folder / "encrypted.mp4"
    encrypted.write_bytes(b"".join(objects.get(key) for key in [init, *segments(objects, title, track)]))
    key = urlsafe_b64decode(content_key(LICENCE_SECRET, title.title).k + "==").hex()
    parsed = ["-c", "copy", "-bsf:v", "av1_metadata"] if "/av1-" in track else []
    words = ["-v", "error", "-xerror", "-decryption_key", key, "-i", str(encrypted), *parsed, "-f", "framemd5", "-"]
    done = subprocess.run([find_binary("ffmpeg"), *words], capture_output=True, text=True, check=True)
    assert not done.stderr
    lines = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [int(line[2]) // int(line[3]) for line in lines]
