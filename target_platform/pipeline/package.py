"""From encoded tracks to what players ask for: one set of encrypted CMAF segments, with playlists for HLS and for DASH.

Common encryption in the scheme `cbcs`, the one that players of HLS and of DASH both decrypt (ISO/IEC 23001-7). The key is the
title's own, the one that licence servers hand out.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from target_platform.pipeline.encode import QUIET
from target_platform.pipeline.errors import WorkFailed
from target_platform.pipeline.job import Job, Subtitles, Track
from target_platform.pipeline.ladder import Rendition
from target_platform.pipeline.tool import run
from target_platform.services.licence import content_key

HLS, DASH = "master.m3u8", "manifest.mpd"
_DEADLINE_SECONDS = 1800.0


class Inputs(Struct, frozen=True, kw_only=True):
    """Where the whole tracks lie: by the names of renditions and sound tracks, and by language."""

    pictures: dict[str, Path]
    sounds: dict[str, Path]
    subtitles: dict[str, Path]


def join(pieces: Sequence[Path], seconds: Sequence[float], target: Path) -> None:
    """Put a rendition's chunks behind each other without encoding again. Raises WorkFailed."""
    listed = target.with_suffix(".txt")
    listed.write_text("".join(f"file {piece}\nduration {length:.6f}\n" for piece, length in zip(pieces, seconds, strict=True)))
    words = [*QUIET, "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", "-f", "mp4", str(target)]
    run("ffmpeg", words, _DEADLINE_SECONDS)


def package(job: Job, inputs: Inputs, licence_secret: str, folder: Path) -> None:
    """Write all of a title's files for players under `folder`. Raises WorkFailed.

    The key goes by a file, since everybody on a machine can read the words of a running command.
    """
    flags = folder.parent / f"{folder.name}.flags"
    flags.touch(mode=0o600)
    flags.write_text(key_flags(job.title, licence_secret))
    try:
        run("packager", [f"--flagfile={flags}", *packager_words(job, inputs, folder)], _DEADLINE_SECONDS)
    finally:
        flags.unlink()
    _check(job, folder)


def packager_words(job: Job, inputs: Inputs, folder: Path) -> list[str]:
    """The packager's words, but for the key. A static MPD: players join a dynamic one at its live edge."""
    original = job.tracks[0].language
    return [
        *(_picture(each, inputs.pictures[each.name], folder) for each in job.renditions),
        *(_sound(each, inputs.sounds[each.name], folder) for each in job.tracks),
        *(words for each in job.subtitles for words in _text(each, inputs.subtitles[each.language], folder)),
        *("--quiet", "--segment_duration", f"{job.segment_seconds:.6f}"),
        *("--mpd_output", str(folder / DASH), "--generate_static_live_mpd"),
        *("--hls_master_playlist_output", str(folder / HLS), "--default_language", original),
        *("--protection_scheme", "cbcs", "--protection_systems", "Common", "--clear_lead", "0"),
        *("--hls_key_uri", "/licence"),
    ]


def key_flags(title: str, licence_secret: str) -> str:
    key = content_key(licence_secret, title)
    return f"--enable_raw_key_encryption\n--keys=label=:key_id={_hex(key.kid)}:key={_hex(key.k)}\n"


def key_id(title: str, licence_secret: str) -> str:
    """The id of a title's key, in hexadecimal. It is no secret: it stands in every segment."""
    return _hex(content_key(licence_secret, title).kid)


def _picture(rendition: Rendition, source: Path, folder: Path) -> str:
    return _descriptor(source, "video", folder / "video", rendition.name, [])


def _sound(track: Track, source: Path, folder: Path) -> str:
    role = ["dash_roles=dub"] if track.dub else []
    named = [f"lang={track.language}", f"hls_group_id={track.sound}", f"hls_name={track.language}"]
    return _descriptor(source, "audio", folder / "audio", track.name, [*named, *role])


def _text(subtitles: Subtitles, source: Path, folder: Path) -> Iterator[str]:
    """Twice: players of HLS read WebVTT in pieces, players of DASH the same in MP4."""
    language = subtitles.language
    named = [f"lang={language}", "hls_group_id=text", f"hls_name={language}", f"playlist_name=text/{language}.m3u8"]
    pieces = f"segment_template={folder}/text/{language}/$Number%05d$.vtt"
    yield ",".join([f"in={source}", "stream=text", pieces, *named, "hls_only=1"])
    yield _descriptor(source, "text", folder / "text", f"{language}-mp4", [f"lang={language}", "format=mp4", "dash_only=1"])


def _descriptor(source: Path, stream: str, folder: Path, name: str, more: list[str]) -> str:
    return ",".join(
        [
            f"in={source}",
            f"stream={stream}",
            f"init_segment={folder / name}/init.mp4",
            f"segment_template={folder / name}/$Number%05d$.m4s",
            f"playlist_name={folder.name}/{name}.m3u8",
            *more,
        ]
    )


def _check(job: Job, folder: Path) -> None:
    """Every track has its segments, and all files have content. Raises WorkFailed."""
    for name in (HLS, DASH):
        if not (folder / name).is_file():
            raise WorkFailed(f"The packager wrote no {name}.")
    for each in job.renditions:
        found = len(list((folder / "video" / each.name).glob("*.m4s")))
        if found != job.segments:
            raise WorkFailed(f"The packager wrote {found} segments of {each.name} instead of {job.segments}.")
    empty = [path.name for path in folder.rglob("*") if path.is_file() and not path.stat().st_size]
    if empty:
        raise WorkFailed(f"The packager wrote files without content: {', '.join(sorted(empty)[:5])}.")


def _hex(base64url: str) -> str:
    return urlsafe_b64decode(base64url + "==").hex()
