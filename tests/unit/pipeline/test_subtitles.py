"""Subtitles are WebVTT that fits the title, or are refused with the line at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.subtitles import check_language, check_subtitles

GOOD = """WEBVTT - made by hand

NOTE a remark

1
00:01.000 --> 00:02.500 line:90%
Hello

00:00:03.000 --> 00:00:04.000
Bye
"""


def test_good_ones_are_taken_also_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "en.vtt"
    for text in (GOOD, "\ufeff" + GOOD):
        path.write_text(text, encoding="utf-8")
        check_subtitles(path, 5.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\nHello\n", r"en\.vtt is no WebVTT"),
        ("WEBVTT\n\nHello\n", r"en\.vtt has no cues"),
        ("WEBVTT\n\n00:01.000 --> 00:02,500\nHello\n", "line 3: .* is no timing"),
        ("WEBVTT\n\n00:03.000 --> 00:02.500\nHello\n", r"line 3: the cue ends at 2.500 s, before it begins"),
        ("WEBVTT\n\n01:00:00.000 --> 01:00:01.000\nHello\n", r"line 3: a cue at 3600.0 s, in a title of 5.0 s"),
    ],
)
def test_others_are_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "en.vtt"
    path.write_text(text)
    with pytest.raises(Rejected, match=reason):
        check_subtitles(path, 5.0)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.vtt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Rejected, match=r"en\.vtt cannot be read"):
        check_subtitles(path, 5.0)


@pytest.mark.parametrize("tag", ["", "English", "../en", "en,role=x", "e"])
def test_a_language_is_a_tag(tag: str) -> None:
    assert check_language("pt-BR") == "pt-BR"
    with pytest.raises(Rejected, match="is no language tag"):
        check_language(tag)
