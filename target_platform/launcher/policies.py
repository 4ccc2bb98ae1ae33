"""The effective policies: replaced by `weaken`, and put back when whoever asked for that is gone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import replace_file
from target_platform.launcher.launch_file import write_spec
from target_platform.launcher.system import System


class Policies:
    """The text from before is kept in a file as well, so that a `weaken` never outlives its launcher's successor."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._file = system.folder.policies(system.spec.policies_file)
        self._before = system.folder.policies_before
        self._borrowed = False

    async def weaken(self, weakened: Sequence[str], text: str) -> None:
        """Restart the bundled services under other policies until `restore`. Raises LauncherError; then all is back."""
        if self._borrowed:
            raise LauncherError("the policies are weakened by somebody else at this moment", "wait until they are done")
        replace_file(self._before, self._file.read_bytes() if self._file.exists() else b"")
        self._borrowed = True
        try:
            await self._put(weakened, text.encode())
        except (LauncherError, OSError):
            await self.restore()
            raise

    async def restore(self) -> None:
        """Back to the policies from before `weaken`."""
        if self._borrowed:
            self._borrowed = False
            await self._put(self._system.spec.weakened, self._before.read_bytes())
            self._before.unlink()

    async def change(self, weakened: Sequence[str], text: str) -> None:
        """Other policies for good: they outlive the connection, and the launcher."""
        if self._borrowed:
            raise LauncherError("the policies are weakened by somebody else at this moment", "wait until they are done")
        self._system.spec = msgspec.structs.replace(self._system.spec, weakened=tuple(weakened))
        write_spec(self._system.folder, self._system.spec)
        await self._put(weakened, text.encode())

    def put_back_files(self) -> bool:
        """Undo in the files what a `weaken` changed; whether there was something to undo."""
        if not self._before.exists():
            return False
        replace_file(self._file, self._before.read_bytes())
        self._before.unlink()
        return True

    async def _put(self, weakened: Sequence[str], text: bytes) -> None:
        replace_file(self._file, text)
        self._system.weakened = tuple(weakened)
        await self._system.restart_bundled()
