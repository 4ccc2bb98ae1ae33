"""What a device is offered of a title that was encoded in several codecs."""

from __future__ import annotations

import pytest

from target_platform.media.offer import Rendition, offered

TITLE = tuple(
    Rendition(codec, height * 16 // 9, height, 1000 * height, f"/media/x/{codec}-{height}.m3u8")
    for codec, heights in (("h264", (240, 480, 720)), ("av1", (480, 720, 1080)))
    for height in heights
)


@pytest.mark.parametrize(
    ("codecs", "max_height", "expected"),
    [
        ((), 0, ["h264-240", "h264-480", "h264-720", "av1-480", "av1-720", "av1-1080"]),
        (("h264",), 480, ["h264-240", "h264-480"]),
        (("av1", "vp9"), 720, ["av1-480", "av1-720"]),
        (("h264", "av1"), 480, ["h264-240", "h264-480", "av1-480"]),
        (("av1",), 240, ["av1-480"]),
        (("vp9",), 720, []),
    ],
)
def test_a_device_is_offered_what_it_decodes_and_no_more_lines_than_it_has(
    codecs: tuple[str, ...], max_height: int, expected: list[str]
) -> None:
    assert [f"{each.codec}-{each.height}" for each in offered(TITLE, codecs, max_height)] == expected
