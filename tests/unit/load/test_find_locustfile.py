"""Where a locustfile comes from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chaos.load.driver import find_locustfile, find_mix
from chaos.model.errors import BadInput


def test_the_bundled_viewers_are_found() -> None:
    path = find_locustfile("viewers")
    assert path.is_file()
    assert path.parts[-3:] == ("target_platform", "viewers", "locustfile.py")


def test_finding_them_imports_neither_the_platform_nor_locust() -> None:
    code = (
        "import sys; from chaos.load.driver import find_locustfile; find_locustfile('viewers');"
        "print([m for m in ('target_platform', 'locust', 'gevent') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert ran.stdout.strip() == "[]"


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").touch()
    monkeypatch.chdir(tmp_path)
    assert find_locustfile("mine.py") == tmp_path / "mine.py"


def test_a_missing_file_is_one_sentence_and_names_the_bundled_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        find_locustfile(str(tmp_path / "nothing.py"))
    assert "There is no locustfile" in caught.value.message
    assert "viewers" in caught.value.hint


def test_a_mix_is_found_beside_the_bundled_locustfile_or_by_its_path(tmp_path: Path) -> None:
    assert find_mix("evening-peak", "viewers").is_file()
    (tmp_path / "mine.yaml").touch()
    assert find_mix(str(tmp_path / "mine.yaml"), "viewers") == tmp_path / "mine.yaml"


def test_a_missing_mix_is_one_sentence_and_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        find_mix("evening-peek", "viewers")
    assert caught.value.message == "There is no mix 'evening-peek' for the locustfile 'viewers'."
    assert "evening-peak" in caught.value.hint
    (tmp_path / "mine.py").touch()
    with pytest.raises(BadInput, match="There is no mix 'any'"):
        find_mix("any", str(tmp_path / "mine.py"))
