"""What `up` is to run: the bundled platform with the ports and weaknesses asked for, or a LaunchSpec in a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder
from target_platform.launcher.launch_file import read_spec
from target_platform.launcher.spec import LaunchSpec
from target_platform.launcher.up import Tell, Wanted, anything_runs


class More(msgspec.Struct, frozen=True, kw_only=True):
    """What else can be asked for: instances at rest, by service, and the store of the media pipeline."""

    reserve: tuple[str, ...] = ()
    store: str = ""


NOTHING_MORE = More()


# parameters: what a platform is told, and whom it tells
def bundled(
    folder: Folder, base_port: int | None, weakened: Sequence[str], tell: Tell, more: More = NOTHING_MORE
) -> Wanted:
    """The bundled platform, its media copied to every region. Raises LauncherError for an unknown weakness or service.

    Without a base port what runs already keeps its ports. `tell` gets {"event": "media"} when that may take long.
    """
    from target_platform.topology import launch_spec

    policies = effective(weakened)
    if base_port is None and anything_runs(folder):
        running = read_spec(folder)
        _check_store(running, more.store)
        return Wanted(msgspec.structs.replace(running, weakened=tuple(weakened)), policies)
    ports = {} if base_port is None else {"base_port": base_port}
    try:
        spec = launch_spec(folder.home, weakened=tuple(weakened), reserve=more.reserve, store=more.store, **ports)
    except LookupError as error:
        raise LauncherError(str(error), kind="bad input") from error
    if not all((folder.home / region / "media").exists() for region in spec.regions):
        tell({"event": "media"})
    _provide_media(folder, spec.regions)
    return Wanted(spec, policies)


def _check_store(running: LaunchSpec, store: str) -> None:
    """Raises LauncherError when the platform that runs reads another one."""
    read = {dict(each.config).get("settings", {}).get("store") for each in running.instances if each.config}
    if store and store not in read:
        raise LauncherError(
            f"the platform is up already, and does not read the store {store}",
            "take it down first: `chaos platform down`",
        )


def from_file(path: Path) -> Wanted:
    """A system of your own. Raises LauncherError when the file cannot be read as a LaunchSpec."""
    try:
        return Wanted(msgspec.json.decode(path.read_bytes(), type=LaunchSpec))
    except (OSError, msgspec.DecodeError) as error:
        raise LauncherError(f"{path} cannot be read: {error}", kind="bad input") from error


def effective(weakened: Sequence[str]) -> str:
    """The text of policies.yaml with these weaknesses applied. Raises LauncherError for an unknown one."""
    from target_platform.weaknesses import effective_policies

    try:
        return effective_policies(tuple(weakened))
    except (LookupError, ValueError) as error:
        raise LauncherError(str(error), kind="bad input") from error


def _provide_media(folder: Folder, regions: Sequence[str]) -> None:
    """Copied, not linked: regions share no files."""
    from target_platform.media import MediaError, prepare

    cache = os.environ.get("STEADFAST_CACHE") or Path.home() / ".cache" / "steadfast"
    try:
        source = prepare(Path(cache))
    except MediaError as error:
        raise LauncherError(str(error)) from error
    for region in regions:
        _copy_folder(source, folder.home / region / "media")


def _copy_folder(source: Path, copy: Path) -> None:
    if _listing(source) == _listing(copy):
        return
    part = copy.with_name("media.part")
    for old in (part, copy):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(source, part)
    part.rename(copy)


def _listing(folder: Path) -> list[tuple[str, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in files)
