"""A change of policies that was cut short is undone, whole."""

from __future__ import annotations

from pathlib import Path

import msgspec

from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.launch_file import read_spec, write_spec
from target_platform.launcher.policies import Before, put_back
from target_platform.launcher.spec import LaunchSpec

HEALTHY = LaunchSpec(name="trial", regions=(), instances=(), policies_file="policies.yaml")


def test_a_change_cut_short_is_undone_in_the_text_and_in_the_names(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    weak = msgspec.structs.replace(HEALTHY, weakened=("w",))
    write_spec(folder, weak)
    replace_file(folder.policies("policies.yaml"), b"weak")
    replace_file(folder.policies_before, msgspec.json.encode(Before((), "healthy")))
    assert put_back(folder, weak) == HEALTHY == read_spec(folder)
    assert folder.policies("policies.yaml").read_text() == "healthy"


def test_without_a_change_under_way_nothing_is_undone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    replace_file(folder.policies("policies.yaml"), b"weak")
    assert put_back(folder, HEALTHY) is None
    assert folder.policies("policies.yaml").read_text() == "weak"
