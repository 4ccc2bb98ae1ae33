"""The runner of lessons notices a page that is wrong; the lessons themselves are run by `make lessons`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.lessons.runner import Command, run_lesson, steps

ANY_PORT = 28300


def test_a_page_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text, wrong in (
        ("$ echo one\none\n", False),
        ("$ echo one two three\none ... three\n", False),
        ("$ printf 'a\\nb\\n'\na\nb\n", False),
        ("$ printf 'a\\nb\\n'\nb\na\n", True),
        ("$ false\n", True),
        ("$ (exit 3)  # exit 3\n", False),
        ("$ true  # exit 1\n", True),
        ("$ echo one\ntwo\n", True),
    ):
        page.write_text(f"```console\n{text}```\n")
        if wrong:
            with pytest.raises(AssertionError):
                run_lesson(page, tmp_path, dict(os.environ), ANY_PORT)
        else:
            run_lesson(page, tmp_path, dict(os.environ), ANY_PORT)


def test_files_and_commands_are_told_apart() -> None:
    page = "<!-- file: a.yaml -->\n```yaml\nx: 1\n```\n```text\nno\n```\n```console\n$ ls  # exit 2\na\n```\n"
    assert list(steps(page)) == [("a.yaml", "x: 1\n"), Command("ls", 2, ["a"])]
