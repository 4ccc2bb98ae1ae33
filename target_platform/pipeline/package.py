"""From encoded tracks to what players ask for: one set of encrypted CMAF segments, with playlists for HLS and DASH.

Common encryption in the scheme `cbcs`, the one that players of HLS and of DASH both decrypt (ISO/IEC 23001-7). The key
is the title's own, the one that licence servers hand out.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path

from target_platform.pipeline.encode import QUIET
from target_platform.pipeline.errors import WorkFailed
from target_platform.pipeline.job import Job, Track
from target_platform.pipeline.tool import run
from target_platform.services.licence import content_key

HLS, DASH = "master.m3u8", "manifest.mpd"
_OUT = "title"
_DEADLINE_SECONDS = 1800.0


def join(pieces: Sequence[Path], seconds: Sequence[float], target: Path) -> None:
    """Put a rendition's chunks behind each other without encoding again; all in one folder. Raises WorkFailed."""
    listed = target.with_suffix(".txt")
    lines = (f"file {piece.name}\nduration {length:.6f}\n" for piece, length in zip(pieces, seconds, strict=True))
    listed.write_text("".join(lines))
    words = [*QUIET, "-f", "concat", "-i", str(listed), "-c", "copy", "-f", "mp4", str(target)]
    run("ffmpeg", words, _DEADLINE_SECONDS)


def package(job: Job, licence_secret: str, folder: Path) -> Path:
    """Write all of a title's files for players; returns their folder, a new one in `folder`. Raises WorkFailed.

    The whole tracks lie in `folder`: NAME.mp4 for each rendition and sound track, LANGUAGE.vtt for subtitles. The key
    goes by a file, since everybody on a machine can read the words of a running command.
    """
    flags = folder / "flags"
    flags.touch(mode=0o600)
    flags.write_text(key_flags(job.title, licence_secret))
    run("packager", [f"--flagfile={flags.name}", *packager_words(job)], _DEADLINE_SECONDS, folder)
    _check(job, folder / _OUT)
    return folder / _OUT


def packager_words(job: Job) -> list[str]:
    """The packager's words, but for the key. A static MPD: players join a dynamic one at its live edge."""
    return [
        *(_descriptor(f"{each.name}.mp4", "video", each.name, []) for each in job.renditions),
        *(_sound(each) for each in job.tracks),
        *(words for each in job.subtitles for words in _text(each.language)),
        *("--quiet", "--segment_duration", f"{job.segment_seconds:.6f}"),
        *("--mpd_output", f"{_OUT}/{DASH}", "--generate_static_live_mpd"),
        *("--hls_master_playlist_output", f"{_OUT}/{HLS}", "--default_language", job.tracks[0].language),
        *("--protection_scheme", "cbcs", "--protection_systems", "Common", "--clear_lead", "0"),
        *("--hls_key_uri", "/licence"),
    ]


def key_flags(title: str, licence_secret: str) -> str:
    key = content_key(licence_secret, title)
    return f"--enable_raw_key_encryption\n--keys=label=:key_id={_hex(key.kid)}:key={_hex(key.k)}\n"


def key_id(title: str, licence_secret: str) -> str:
    """The id of a title's key, in hexadecimal. It is no secret: it stands in every segment."""
    return _hex(content_key(licence_secret, title).kid)


def _sound(track: Track) -> str:
    role = ["dash_roles=dub"] if track.dub else []
    named = [f"lang={track.language}", f"hls_group_id={track.sound}", f"hls_name={track.language}"]
    return _descriptor(f"{track.name}.mp4", "audio", track.name, [*named, *role])


def _text(language: str) -> Iterator[str]:
    """Twice: players of HLS read WebVTT in pieces, players of DASH the same in MP4."""
    named = [f"lang={language}", "hls_group_id=text", f"hls_name={language}", f"playlist_name=text/{language}.m3u8"]
    pieces = f"segment_template={_OUT}/text/{language}/$Number%05d$.vtt"
    yield ",".join([f"in={language}.vtt", "stream=text", pieces, *named, "hls_only=1"])
    in_mp4 = [f"lang={language}", "format=mp4", "dash_only=1"]
    yield _descriptor(f"{language}.vtt", "text", f"{language}-mp4", in_mp4)


def _descriptor(source: str, kind: str, name: str, more: list[str]) -> str:
    place = f"{_OUT}/{kind}/{name}"
    return ",".join(
        [
            f"in={source}",
            f"stream={kind}",
            f"init_segment={place}/init.mp4",
            f"segment_template={place}/$Number%05d$.m4s",
            f"playlist_name={kind}/{name}.m3u8",
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
