"""Running ffmpeg, ffprobe and the packager: with a deadline, without orphans, and with a reason when they fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from target_platform.media import MediaError
from target_platform.media.ffmpeg import find_binary
from target_platform.pipeline.errors import DiskFull, PipelineError, ToolHung, WorkFailed

_LAST_LINES = 4
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
# What ffmpeg's decoders say of damage that they then hide. They also complain of references that are missing where a
# master is entered in the middle of an open group of pictures, which is well: so not every complaint is one.
_DAMAGE = re.compile(r"^.*(?:Invalid NAL|error while decoding|concealing|corrupt|Invalid data found).*$", re.MULTILINE)
# The AV1 encoder prints a page about itself otherwise, and our last lines would be its.
_QUIET = {"SVT_LOG": "1"}


class Finished(Struct, frozen=True, kw_only=True):
    """What a tool that ended well has printed."""

    printed: bytes
    complained: str


def run(tool: str, words: Sequence[str], deadline_seconds: float, folder: Path | None = None) -> Finished:
    """Run "ffmpeg", "ffprobe" or "packager", in a folder if one is named. It dies with us, also when we are killed.

    Raises ToolHung when it has not ended in time (it has then been killed), DiskFull, WorkFailed when it fails, and
    PipelineError when it cannot be started at all.
    """
    try:
        command = [*dying_with_us(), find_binary(tool), *words]
    except MediaError as error:
        raise PipelineError(str(error)) from error
    pipe = subprocess.PIPE
    environment = {**os.environ, **_QUIET}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment, cwd=folder
    ) as process:
        try:
            printed, complained = process.communicate(timeout=deadline_seconds)
        except subprocess.TimeoutExpired:
            raise ToolHung(f"{tool} had not finished after {deadline_seconds:g} s and was ended.") from None
        finally:
            process.kill()  # does nothing to one that has ended
    return _judged(tool, process.returncode, printed, complained.decode(errors="replace"))


def _judged(tool: str, status: int, printed: bytes, complained: str) -> Finished:
    """ffmpeg ends with 0 on a full disk and on damaged input: what it says counts, too."""
    last_words = "".join(f"\n  {line}" for line in complained.strip().splitlines()[-_LAST_LINES:])
    if _NO_ROOM.search(complained):
        raise DiskFull(f"The disk became full while {tool} was writing. Its last words:{last_words}")
    if status != 0:
        raise WorkFailed(f"{tool} failed (exit status {status}). Its last words:{last_words or ' none'}")
    damage = _DAMAGE.search(complained) if tool == "ffmpeg" else None
    if damage:
        raise WorkFailed(f"What was read is damaged: {damage.group()}")
    return Finished(printed=printed, complained=complained)


def dying_with_us() -> list[str]:
    """util-linux's setpriv asks the kernel to kill what it starts when we die: no encoder goes on alone."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
