"""Masters that are not fit: each is refused with its own reason, and nothing of it is stored."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from target_platform.media.ffmpeg import find_binary
from target_platform.media.published import Rendition
from target_platform.pipeline.complexity import measure
from target_platform.pipeline.encode import Picture, encode_chunk
from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.ingest import Side, Wish, ingest
from target_platform.pipeline.master import Master, inspect
from target_platform.pipeline.places import opened
from target_platform.pipeline.profile import shipped
from target_platform.pipeline.split import chunks
from tests.local.pipeline_trial import ended, ffmpeg, ingesting, make_master

pytestmark = pytest.mark.slow
SECONDS = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same master in several containers."""
    folder = tmp_path_factory.mktemp("masters")
    mp4 = make_master(folder / "whole.mp4", SECONDS, size="160x90", rate="30000/1001")
    for name, words in {"whole.mkv": [], "whole.ts": [], "front.mp4": ["-movflags", "+faststart"]}.items():
        ffmpeg("-i", str(mp4), "-c", "copy", *words, str(folder / name))
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["whole.mp4", "front.mp4", "whole.mkv", "whole.ts"])
def test_a_whole_one_is_taken_from_any_container(whole: dict[str, Path], name: str) -> None:
    assert inspect(whole[name], shipped().limits) == Master(frames=90, rate="30000/1001", width=160, height=90)


def cut(source: Path, target: Path) -> Path:
    octets = source.read_bytes()
    target.write_bytes(octets[: len(octets) * 6 // 10])
    return target


def cut_at_its_end(whole: dict[str, Path], path: Path) -> Path:
    return cut(whole["whole.mp4"], path.with_suffix(".mp4"))


def cut_with_its_head_whole(whole: dict[str, Path], path: Path) -> Path:
    return cut(whole["front.mp4"], path.with_suffix(".mp4"))


def cut_without_a_word_of_it(whole: dict[str, Path], path: Path) -> Path:
    return cut(whole["whole.mkv"], path.with_suffix(".mkv"))


def of_another_kind(whole: dict[str, Path], path: Path) -> Path:
    target = path.with_suffix(".mp4")
    target.write_bytes(whole["whole.mkv"].read_bytes())
    return target


def a_photograph(whole: dict[str, Path], path: Path) -> Path:
    ffmpeg("-i", str(whole["whole.mp4"]), "-frames:v", "1", str(path.with_suffix(".jpg")))
    return path.with_suffix(".jpg").rename(path.with_suffix(".mp4"))


def a_letter(whole: dict[str, Path], path: Path) -> Path:
    path.with_suffix(".mp4").write_text("Dear all, the master follows.\n" * 50)
    return path.with_suffix(".mp4")


def of_no_length(whole: dict[str, Path], path: Path) -> Path:
    path.with_suffix(".mp4").touch()
    return path.with_suffix(".mp4")


def not_there(whole: dict[str, Path], path: Path) -> Path:
    return path.with_suffix(".mp4")


def ten_hours_long(whole: dict[str, Path], path: Path) -> Path:
    """A picture every thousand seconds: as long as it says, and quickly made."""
    pictures, sound = "testsrc2=size=32x32:rate=1/1000:duration=36000", "sine=duration=1"
    words = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast"]
    ffmpeg(*words, str(path.with_suffix(".mp4")))
    return path.with_suffix(".mp4")


def silent(whole: dict[str, Path], path: Path) -> Path:
    ffmpeg("-i", str(whole["whole.mp4"]), "-an", "-c", "copy", str(path.with_suffix(".mp4")))
    return path.with_suffix(".mp4")


def only_heard(whole: dict[str, Path], path: Path) -> Path:
    ffmpeg("-i", str(whole["whole.mp4"]), "-vn", "-c", "copy", str(path.with_suffix(".mp4")))
    return path.with_suffix(".mp4")


def of_changing_rate(whole: dict[str, Path], path: Path) -> Path:
    frames = ["-vf", "select='lt(n,30)+not(mod(n,4))'", "-fps_mode", "vfr", "-c:a", "copy"]
    ffmpeg("-i", str(whole["whole.mp4"]), *frames, "-c:v", "libx264", str(path.with_suffix(".mkv")))
    return path.with_suffix(".mkv")


def of_half_a_second(whole: dict[str, Path], path: Path) -> Path:
    ffmpeg("-i", str(whole["whole.mp4"]), "-t", "0.5", "-c:v", "libx264", str(path.with_suffix(".mp4")))
    return path.with_suffix(".mp4")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (cut_at_its_end, "m.mp4 is cut short: its table of contents, which stands at its end, is missing"),
        (cut_with_its_head_whole, "m.mp4 is (damaged or )?cut short"),
        (cut_without_a_word_of_it, "m.mkv is (damaged or )?cut short"),
        (
            of_another_kind,
            r"m.mp4 is mislabelled: what is in it is 'matroska,webm', which would be called .mkv or .webm",
        ),
        (a_photograph, "m.mp4 is mislabelled: what is in it is 'jpeg_pipe'"),
        (a_letter, "m.mp4 is no media file that can be read"),
        (of_no_length, "m.mp4 has no content: 0 bytes"),
        (not_there, ".*m.mp4 cannot be read: No such file or directory"),
        (ten_hours_long, "m.mp4 is 10.0 hours long; at most 5.0 hours are taken"),
        (silent, "m.mp4 has no sound track"),
        (only_heard, "m.mp4 has no picture track"),
        (of_changing_rate, "m.mkv has frames missing or of changing length, the first at 1"),
        (of_half_a_second, r"m.mp4 is 0.50 s long; at least 1 s are needed"),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_one_that_is_not_fit_is_refused_with_the_reason(
    whole: dict[str, Path], tmp_path: Path, make: Callable[[dict[str, Path], Path], Path], reason: str
) -> None:
    with pytest.raises(Rejected, match=f"^{reason}"):
        inspect(make(whole, tmp_path / "m"), shipped().limits)


def test_what_is_refused_leaves_nothing_in_the_store_and_a_status_of_its_own(
    whole: dict[str, Path], tmp_path: Path
) -> None:
    told = ended(ingesting(silent(whole, tmp_path / "m"), tmp_path / "store"), 2)
    assert told == "m.mp4 has no sound track. Send a master with sound; for a silent film, a silent track.\n"
    with opened(str(tmp_path / "store")) as places:
        assert list(places.objects.under()) == []
        assert places.queue.counts().open == 0


def test_tracks_that_do_not_fit_the_master_are_refused_before_anything_is_stored(
    whole: dict[str, Path], tmp_path: Path
) -> None:
    short = tmp_path / "short.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.5", str(short))
    dubbed = Wish(path=whole["whole.mp4"], title="the-film", dubs=(Side(language="de", path=short),))
    twice = Wish(path=whole["whole.mp4"], title="the-film", dubs=(Side(language="en", path=whole["whole.mp4"]),))
    with opened(str(tmp_path / "store")) as places:
        with pytest.raises(Rejected, match=r"The dubbed track short\.mp4 is 0\.5 s long, the master 3\.0 s"):
            ingest(places.objects, places.queue, dubbed)
        with pytest.raises(Rejected, match="two tracks of the same kind in 'en'"):
            ingest(places.objects, places.queue, twice)
        assert list(places.objects.under()) == []


def with_a_hole(whole: dict[str, Path], path: Path) -> Path:
    """As long as it should be, and as an upload leaves it that wrote its parts to the wrong places."""
    octets = bytearray(whole["whole.mp4"].read_bytes())
    middle = len(octets) // 2
    octets[middle : middle + 4000] = bytes(4000)
    path.with_suffix(".mp4").write_bytes(octets)
    return path.with_suffix(".mp4")


def with_wrong_bytes(whole: dict[str, Path], path: Path) -> Path:
    """Only in what is shown: all that holds it together is as it was."""
    words = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pos,size", "-of", "csv=p=0"]
    command = [find_binary("ffprobe"), *words, str(whole["whole.mp4"])]
    packets = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    size, position = (int(each) for each in packets[len(packets) // 2].split(",")[:2])
    octets = bytearray(whole["whole.mp4"].read_bytes())
    for at in range(position + size // 4, position + size):
        octets[at] ^= 0x5A
    path.with_suffix(".mp4").write_bytes(octets)
    return path.with_suffix(".mp4")


def in_av1(whole: dict[str, Path], path: Path) -> Path:
    words = ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1", "-c:a", "copy"]
    ffmpeg("-i", str(whole["whole.mp4"]), *words, str(path.with_suffix(".mp4")))
    return path.with_suffix(".mp4")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (with_a_hole, r"m\.mp4 is damaged or cut short"),
        (with_wrong_bytes, r"The pictures of m\.mp4 cannot be decoded\. What was read is damaged"),
        (in_av1, r"The pictures of m\.mp4 cannot be decoded\."),
    ],
)
def test_one_that_cannot_be_decoded_is_refused_before_anything_is_stored(
    whole: dict[str, Path], tmp_path: Path, make: Callable[[dict[str, Path], Path], Path], reason: str
) -> None:
    with opened(str(tmp_path / "store")) as places:
        with pytest.raises(Rejected, match=reason):
            ingest(places.objects, places.queue, Wish(path=make(whole, tmp_path / "m"), title="the-film"))
        assert list(places.objects.under()) == []


def test_one_of_open_groups_of_pictures_is_taken_and_cut_anywhere(tmp_path: Path) -> None:
    """There a decoder complains of references that are missing before the first frame that is wanted."""
    path = tmp_path / "open.mp4"
    picture, sound = "testsrc2=size=160x90:rate=24:duration=8", "sine=duration=8"
    groups = ["-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=48:bframes=3"]
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *groups, str(path))
    master = inspect(path, shipped().limits)
    rendition = Rendition(name="h264-90", codec="h264", width=160, height=90, kbps=100)
    shown = Picture(rendition=rendition, codec=shipped().codecs["h264"], segment_frames=24)
    for chunk in chunks(master.frames, segment_frames=24, chunk_segments=2):
        encode_chunk(path, master, chunk, shown, tmp_path / f"{chunk.number}.mp4")


def test_a_simple_title_is_measured_as_simpler_than_a_busy_one(whole: dict[str, Path], tmp_path: Path) -> None:
    calm = tmp_path / "calm.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=navy:size=160x90:rate=24:duration=3", "-c:v", "libx264", str(calm))
    master = Master(frames=72, rate="24", width=160, height=90)
    assert measure(calm, master) * 5 < measure(whole["whole.mp4"], master)
