"""launch.json: what a launcher is told to run."""

from __future__ import annotations

import msgspec

from target_platform.launcher.check import check_spec
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.spec import LaunchSpec


def read_spec(folder: Folder) -> LaunchSpec:
    """launch.json, checked. Raises LauncherError."""
    try:
        spec = msgspec.json.decode(folder.spec.read_bytes(), type=LaunchSpec)
    except FileNotFoundError as error:
        raise LauncherError(f"{folder.spec} does not exist", kind="bad input") from error
    except msgspec.DecodeError as error:
        raise LauncherError(f"{folder.spec} cannot be read: {error}", kind="bad input") from error
    check_spec(spec)
    return spec


def write_spec(folder: Folder, spec: LaunchSpec) -> None:
    """Raises LauncherError for one that cannot work, and OSError."""
    check_spec(spec)
    replace_file(folder.spec, msgspec.json.format(msgspec.json.encode(spec)))
