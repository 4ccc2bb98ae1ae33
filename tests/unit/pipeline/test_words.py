"""What encoders and the packager are told."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from fractions import Fraction
from pathlib import Path

import pytest

from target_platform.pipeline.encode import Picture, chunk_words, sound_words
from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.images import thumbnail_track
from target_platform.pipeline.job import File, Job, Subtitles, Task, Track, checked_title, made_key
from target_platform.pipeline.ladder import ladder
from target_platform.pipeline.master import Master
from target_platform.pipeline.package import key_flags, key_id, packager_words
from target_platform.pipeline.profile import Thumbnails, shipped
from target_platform.services.licence import content_key
from target_platform.stores.objects.interface import checked_key

MASTER = Master(frames=600, rate="30000/1001", width=1280, height=720)
SOURCE = File(sha256="0" * 64, suffix=".mp4")
FACTS = shipped()


def job(profile: str = "full") -> Job:
    sounds = FACTS.profiles[profile].sounds
    tracks = [Track(name=f"{each}-en", sound=each, language="en", source=SOURCE, dub=False) for each in sounds]
    dub = Track(name="aac-de", sound="aac", language="de", source=SOURCE, dub=True)
    return Job(
        id="a1",
        run="b2",
        title="the-film",
        profile=profile,
        source=SOURCE,
        master=MASTER,
        segment_frames=120,
        chunk_segments=2,
        renditions=ladder(MASTER, 200.0, FACTS.profiles[profile], FACTS.codecs),
        tracks=(*tracks, dub),
        subtitles=tuple(Subtitles(language=each, source=SOURCE) for each in ("en", "de")),
    )


def after(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_a_chunk_is_cut_by_frames_from_half_a_frame_before_its_first() -> None:
    wanted = job("small")
    picture = Picture(rendition=wanted.renditions[0], codec=FACTS.codecs["h264"], segment_frames=120)
    words = chunk_words(Path("/master.mp4"), MASTER, wanted.chunks[1], picture, Path("/out.mp4"))
    assert float(after(words, "-ss")) == pytest.approx(float((240 - Fraction(1, 2)) * 1001 / 30000), abs=1e-6)
    assert after(words, "-frames:v") == "240"
    assert after(words, "-g") == "120"
    assert words.index("-ss") < words.index("-i"), "or it would decode all that comes before"


@pytest.mark.parametrize("codec", FACTS.codecs)
def test_every_encoder_has_one_thread(codec: str) -> None:
    wanted = job()
    rendition = next(each for each in wanted.renditions if each.codec == codec)
    picture = Picture(rendition=rendition, codec=FACTS.codecs[codec], segment_frames=120)
    words = chunk_words(Path("/master.mp4"), MASTER, wanted.chunks[0], picture, Path("/out.mp4"))
    assert words.count("-threads") == 2
    assert all(words[n + 1] == "1" for n, word in enumerate(words) if word == "-threads")


def test_sound_is_as_long_as_the_picture() -> None:
    track = job().tracks[0]
    words = sound_words(Path("/master.mp4"), MASTER.seconds, FACTS.sounds["aac"], track, Path("/out.mp4"))
    assert float(after(words, "-t")) == pytest.approx(600 * 1001 / 30000, abs=1e-6)
    assert "apad" in after(words, "-af")


def test_the_packager_makes_both_kinds_of_playlist_of_one_set_of_segments() -> None:
    words = packager_words(job())
    pictures = [word for word in words if "stream=video" in word]
    assert len(pictures) == 12
    assert all("hls_only" not in word and "dash_only" not in word for word in pictures)
    assert "--generate_static_live_mpd" in words
    assert after(words, "--mpd_output").endswith("manifest.mpd")
    assert after(words, "--hls_master_playlist_output").endswith("master.m3u8")
    assert after(words, "--protection_scheme") == "cbcs"
    assert after(words, "--clear_lead") == "0", "nothing is left in the clear"


def test_the_packager_gets_each_sound_with_its_language_and_the_dub_as_one() -> None:
    sounds = {word.partition(",")[0]: word for word in packager_words(job()) if "stream=audio" in word}
    assert set(sounds) == {"in=aac-en.mp4", "in=ac3-en.mp4", "in=aac-de.mp4"}
    assert [name for name, word in sounds.items() if "dash_roles=dub" in word] == ["in=aac-de.mp4"]
    assert "hls_group_id=ac3" in sounds["in=ac3-en.mp4"]


def test_the_key_is_the_licence_servers_and_not_among_the_words() -> None:
    key = content_key("a secret", "the-film")
    secret = urlsafe_b64decode(key.k + "==").hex()
    assert f":key={secret}\n" in key_flags("the-film", "a secret")
    assert f"key_id={key_id('the-film', 'a secret')}:" in key_flags("the-film", "a secret")
    assert not [word for word in packager_words(job()) if secret in word or "keys" in word]


def test_every_task_has_its_own_id_and_its_own_key() -> None:
    wanted = job()
    tasks = wanted.tasks()
    assert len(tasks) == 12 * 3 + 3 + 1
    assert len({wanted.task_id(each) for each in tasks}) == len({made_key(each) for each in tasks}) == len(tasks)
    assert all(checked_key(made_key(each)) for each in tasks)


def test_the_largest_pictures_are_encoded_first() -> None:
    names = [task.name for task in job("small").tasks() if task.kind == "chunk"]
    assert names == ["h264-720"] * 3 + ["h264-480"] * 3 + ["h264-240"] * 3


def test_a_task_is_named_as_people_speak_of_it() -> None:
    assert str(Task(job="a", kind="chunk", name="h264-240", number=3)) == "chunk 3 of h264-240"
    assert str(Task(job="a", kind="package")) == "package"


@pytest.mark.parametrize("title", ["", "The Film", "../x", "a--b", "a" * 101, "a/b"])
def test_a_title_can_be_part_of_an_address(title: str) -> None:
    assert checked_title("the-film-2") == "the-film-2"
    with pytest.raises(Rejected, match="is no title's id"):
        checked_title(title)


def test_the_thumbnail_track_names_a_place_on_a_sheet_for_every_moment() -> None:
    few = Thumbnails(every_seconds=5, width=160, columns=2, rows=1)
    cues = thumbnail_track(MASTER, few).split("\n\n")[1:]
    assert [cue.strip().partition("\n")[2] for cue in cues] == [
        "sheet-001.jpg#xywh=0,0,160,90",
        "sheet-001.jpg#xywh=160,0,160,90",
        "sheet-002.jpg#xywh=0,0,160,90",
        "sheet-002.jpg#xywh=160,0,160,90",
    ]
    assert cues[0].startswith("00:00:00.000 --> 00:00:05.005\n")
    assert cues[-1].startswith("00:00:15.015 --> 00:00:20.020\n")
