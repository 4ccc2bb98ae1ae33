"""The effective policies: replaced by `weaken`, and put back when whoever asked for that is gone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.launch_file import write_spec
from target_platform.launcher.spec import LaunchSpec
from target_platform.launcher.system import System


class Before(msgspec.Struct, frozen=True):
    """What was in force before a change that is under way: kept in a file, so that it outlives the launcher."""

    weakened: tuple[str, ...]
    policies: str


class Policies:
    """One change at a time; while one is borrowed or under way, another is refused with LauncherError."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._before: Before | None = None

    async def weaken(self, weakened: Sequence[str], text: str) -> None:
        """Restart the bundled services under other policies until `restore`. Raises LauncherError; then all is back."""
        self._remember()
        try:
            await self._put(weakened, text)
        except (LauncherError, OSError):
            await self.restore()
            raise

    async def restore(self) -> None:
        """Back to the policies from before `weaken`."""
        if self._before is not None:
            before, self._before = self._before, None
            await self._put(before.weakened, before.policies)
            self._system.folder.policies_before.unlink()

    async def change(self, weakened: Sequence[str], text: str) -> None:
        """Other policies for good: they outlive the connection, and the launcher. Raises LauncherError as `weaken`."""
        await self.weaken(weakened, text)
        self._system.spec = msgspec.structs.replace(self._system.spec, weakened=tuple(weakened))
        write_spec(self._system.folder, self._system.spec)
        self._system.folder.policies_before.unlink()
        self._before = None

    def _remember(self) -> None:
        if self._before is not None:
            raise LauncherError("somebody else is changing the policies at this moment", "wait until they are done")
        folder, spec = self._system.folder, self._system.spec
        file = folder.policies(spec.policies_file)
        before = Before(spec.weakened, file.read_text() if file.exists() else "")
        replace_file(folder.policies_before, msgspec.json.encode(before))
        self._before = before

    async def _put(self, weakened: Sequence[str], text: str) -> None:
        replace_file(self._system.folder.policies(self._system.spec.policies_file), text.encode())
        self._system.weakened = tuple(weakened)
        await self._system.restart_bundled()


def put_back(folder: Folder, spec: LaunchSpec) -> LaunchSpec | None:
    """Undo in the files a change that was under way; the spec as it was then, or None when there was no change."""
    if not folder.policies_before.exists():
        return None
    before = msgspec.json.decode(folder.policies_before.read_bytes(), type=Before)
    spec = msgspec.structs.replace(spec, weakened=before.weakened)
    replace_file(folder.policies(spec.policies_file), before.policies.encode())
    write_spec(folder, spec)
    folder.policies_before.unlink()
    return spec
