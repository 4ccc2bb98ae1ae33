"""Where the launcher keeps things."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform.launcher.folder import SOCKET_PATH_LIMIT_BYTES, Folder, replace_file


def test_a_socket_is_in_home_unless_its_path_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    near, far = Folder(Path("/h")), Folder(tmp_path / ("x" * SOCKET_PATH_LIMIT_BYTES))
    assert near.socket("control") == Path("/h/control.sock")
    assert far.socket("control").parent.parent == tmp_path
    assert far.socket("control") == Folder(far.home).socket("control")
    assert not far.socket("control").parent.exists(), "who asks for the path makes nothing"
    far.socket_to_bind("control").touch()
    assert far.socket("control").parent.stat().st_mode & 0o777 == 0o700
    far.clear_sockets()
    assert not far.socket("control").parent.exists(), "nothing is left in the temp dir"
    far.clear_sockets()
    assert Folder(tmp_path / ("y" * SOCKET_PATH_LIMIT_BYTES)).socket("control") != far.socket("control")


def test_a_name_with_a_slash_is_one_file_that_does_not_repeat_the_region() -> None:
    folder = Folder(Path("/h"))
    assert folder.log("east/web-1", "east") == Path("/h/logs/east/web-1.log")
    assert folder.log("web-1", "east") == Path("/h/logs/east/web-1.log")
    assert folder.record("east/web-1") == Path("/h/pids/east%2Fweb-1")


def test_a_file_that_cannot_be_replaced_keeps_its_content_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    replace_file(tmp_path / "a" / "file", b"one")
    replace_file(tmp_path / "a" / "file", b"two")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(tmp_path / "folder", b"three")
    assert (tmp_path / "a" / "file").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "file", "folder"]
