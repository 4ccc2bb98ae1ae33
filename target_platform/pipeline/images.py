"""Pictures of a title: thumbnails for the seek bar, and artwork in several shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from target_platform.pipeline.encode import QUIET, deadline_seconds
from target_platform.pipeline.errors import WorkFailed
from target_platform.pipeline.master import Master
from target_platform.pipeline.profile import Artwork, Thumbnails
from target_platform.pipeline.tool import run

SHEET = "sheet-%03d.jpg"
_LOOKED_AT_FRAMES = 100


def make_images(source: Path, master: Master, thumbnails: Thumbnails, artwork: Sequence[Artwork], folder: Path) -> None:
    """Sheets of thumbnails with thumbnails.vtt, and artwork/NAME.jpg, in `folder`. Raises WorkFailed."""
    (folder / "artwork").mkdir()
    deadline = deadline_seconds(master.frames, master)
    run("ffmpeg", sheet_words(source, master, thumbnails), deadline, folder)
    run("ffmpeg", artwork_words(source, master, artwork), deadline, folder)
    (folder / "thumbnails.vtt").write_text(thumbnail_track(master, thumbnails), encoding="utf-8")
    expected = [SHEET % number for number in range(1, _sheets(master, thumbnails) + 1)]
    expected += [f"artwork/{each.name}.jpg" for each in artwork]
    missing = [name for name in expected if not (folder / name).is_file() or not (folder / name).stat().st_size]
    if missing:
        raise WorkFailed(f"ffmpeg made no {', '.join(missing)}.")


def sheet_words(source: Path, master: Master, thumbnails: Thumbnails) -> list[str]:
    """Every so many frames one, scaled, many in one file: a player loads a hundred of them with a few requests."""
    width, height = _size(master, thumbnails)
    chosen = f"select='not(mod(n\\,{_frames_between(master, thumbnails)}))',scale={width}:{height}"
    tiled = f"{chosen},tile={thumbnails.columns}x{thumbnails.rows}"
    return [*_reading(source), "-vf", tiled, "-fps_mode", "passthrough", *_JPEG, SHEET]


def artwork_words(source: Path, master: Master, artwork: Sequence[Artwork]) -> list[str]:
    """The most typical of a hundred frames after the first third, cut to each shape."""
    copies = "".join(f"[copy{n}]" for n in range(len(artwork)))
    chain = [f"[0:V:0]thumbnail={min(_LOOKED_AT_FRAMES, max(2, master.frames // 3))},split={len(artwork)}{copies}"]
    words: list[str] = []
    for n, each in enumerate(artwork):
        size = f"{each.width}:{each.height}"
        chain.append(f"[copy{n}]scale={size}:force_original_aspect_ratio=increase,crop={size},setsar=1[shape{n}]")
        words += ["-map", f"[shape{n}]", "-frames:v", "1", *_JPEG, f"artwork/{each.name}.jpg"]
    return [*_reading(source, master.seconds / 3), "-filter_complex", ";".join(chain), *words]


def thumbnail_track(master: Master, thumbnails: Thumbnails) -> str:
    """WebVTT whose cues name a part of a sheet (Media Fragments URI, `#xywh=`), as players read it."""
    return "\n".join(["WEBVTT", "", *_thumbnail_cues(master, thumbnails)])


def _thumbnail_cues(master: Master, thumbnails: Thumbnails) -> Iterator[str]:
    width, height = _size(master, thumbnails)
    on_a_sheet = thumbnails.columns * thumbnails.rows
    between = float(_frames_between(master, thumbnails) / master.frames_per_second)
    for n in range(_number(master, thumbnails)):
        sheet, place = divmod(n, on_a_sheet)
        row, column = divmod(place, thumbnails.columns)
        yield f"{_clock(n * between)} --> {_clock(min((n + 1) * between, master.seconds))}"
        yield f"{SHEET % (sheet + 1)}#xywh={column * width},{row * height},{width},{height}\n"


_JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4", "-f", "image2")


def _reading(source: Path, start: float = 0.0) -> list[str]:
    return [
        *QUIET,
        "-threads",
        "1",
        "-filter_threads",
        "1",
        "-ss",
        f"{start:.3f}",
        "-i",
        str(source),
        "-map_metadata",
        "-1",
    ]


def _frames_between(master: Master, thumbnails: Thumbnails) -> int:
    return max(1, round(thumbnails.every_seconds * master.frames_per_second))


def _number(master: Master, thumbnails: Thumbnails) -> int:
    return math.ceil(master.frames / _frames_between(master, thumbnails))


def _sheets(master: Master, thumbnails: Thumbnails) -> int:
    return math.ceil(_number(master, thumbnails) / (thumbnails.columns * thumbnails.rows))


def _size(master: Master, thumbnails: Thumbnails) -> tuple[int, int]:
    return thumbnails.width, max(2, round(thumbnails.width * master.height / master.width / 2) * 2)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{rest:06.3f}"
