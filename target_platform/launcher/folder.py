"""The launcher's folder: which file is where, and how files are replaced.

launch.json     what to run (LaunchSpec)          state.json      what runs (State), for everybody
policies.yaml   effective policies                holds.json      instance -> epoch second until which it is held
spoilt.json     region -> who has its discovery stand still or be empty, and until when
pids/NAME       who runs under that name, written by the process itself
logs/           launcher.log, zygote.log, REGION/NAME.log, REGION/proxy.log
REGION/         what a region's instances own; also its proxy's configuration, and discovery.json: who is ready
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from target_platform.launcher.errors import LauncherError

SOCKET_PATH_LIMIT_BYTES = 100
"""sun_path holds 108 bytes with its final zero (unix(7)); a few are kept for the zygote's temporary name."""


class Folder:
    """Paths below `home`, which need not exist yet."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.spec = self.home / "launch.json"
        self.state = self.home / "state.json"
        self.holds = self.home / "holds.json"
        self.spoilt_discovery = self.home / "spoilt.json"
        self.lock = self.home / "launcher.lock"
        self.pids = self.home / "pids"
        self.logs = self.home / "logs"
        self.launcher_log = self.logs / "launcher.log"
        self.policies_before = self.home / "policies.before.json"

    def policies(self, policies_file: str) -> Path:
        """The effective policies; a relative path counts from home."""
        return self.home / (policies_file or "policies.yaml")

    def record(self, name: str) -> Path:
        return self.pids / quote(name, safe="")

    def log(self, name: str, region: str = "") -> Path:
        """A name that begins with its region ("east/web-1") does not repeat it in the file's name."""
        return self.logs / region / f"{quote(name.removeprefix(f'{region}/'), safe='')}.log"

    def proxy_config(self, region: str) -> Path:
        return self.home / region / "proxy.json"

    def discovery(self, region: str) -> Path:
        return self.home / region / "discovery.json"

    def socket(self, name: str) -> Path:
        """Where a Unix socket can be: in home, or in a private folder of the temp dir when home's path is too long."""
        path = self.home / f"{name}.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT_BYTES:
            return path
        folder = self._away
        if folder.exists() and folder.stat().st_uid != os.getuid():
            raise LauncherError(f"{folder} belongs to another user", "choose a shorter STEADFAST_HOME")
        return folder / f"{name}.sock"

    def socket_to_bind(self, name: str) -> Path:
        """The same, with the folder that it is to be made in."""
        path = self.socket(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.socket(name)  # whose the folder is, is known only now

    def clear_sockets(self) -> None:
        """Nobody listens any more: leave nothing of it, in the temp dir least of all."""
        for name in ("control", "zygote"):
            self.socket(name).unlink(missing_ok=True)
        shutil.rmtree(self._away, ignore_errors=True)  # one that was killed may have left a part of a socket's name

    @property
    def _away(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"steadfast-{os.getuid()}-{digest}"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
