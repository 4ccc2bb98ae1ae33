"""The launcher's process: takes the lock, takes over what runs, keeps everything running until told to end."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from target_platform.launcher.control import Control
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder
from target_platform.launcher.launch_file import read_spec
from target_platform.launcher.policies import Policies, put_back
from target_platform.launcher.recipes import ZYGOTE_COMMAND, Recipes
from target_platform.launcher.spec import LaunchSpec
from target_platform.launcher.system import System, stop_everything
from target_platform.launcher.zygote import reap_children

PR_SET_CHILD_SUBREAPER = 36

log = logging.getLogger("launcher")


def supervise(home: Path, started: Callable[[], None], zygote_command: tuple[str, ...] = ZYGOTE_COMMAND) -> None:
    """Run DIR/launch.json until `down`, SIGTERM or SIGINT; calls `started` when the control socket answers.

    Raises LauncherError, with nothing started, when the file is wrong, a port is in use or a launcher runs already.
    """
    folder = Folder(home)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    folder.home.mkdir(parents=True, exist_ok=True)
    with folder.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LauncherError(f"another launcher runs in {folder.home}") from error
        spec = read_spec(folder)
        _become_reaper()
        asyncio.run(_Launcher(folder, spec, zygote_command).run(started))


class _Launcher:
    def __init__(self, folder: Folder, spec: LaunchSpec, zygote_command: tuple[str, ...]) -> None:
        self._folder = folder
        self._spec = spec
        self._zygote_command = zygote_command

    async def run(self, started: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, reap_children)
        spec = put_back(self._folder, self._spec) or self._spec
        system = System(self._folder, spec, Recipes(self._folder, spec, self._zygote_command))
        system.take_over(stale_policies=spec is not self._spec)
        control = Control(system, Policies(system))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, control.ending.set)
        await control.listen(self._folder.socket_to_bind("control"))
        system.state_file.flush()
        started()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keeper.run()) for keeper in system.keepers()]
            tasks.append(group.create_task(system.discovery.run()))
            await control.ending.wait()
            for task in tasks:
                task.cancel()
        self._end(system)
        await control.finish()

    def _end(self, system: System) -> None:
        stop_everything(self._folder)
        reap_children()
        put_back(self._folder, system.spec)
        for keeper in system.keepers():
            keeper.stopped()
        system.state_file.flush()
        self._folder.clear_sockets()
        log.info("everything is stopped")


def _become_reaper() -> None:
    """Orphans of our processes become our children, so that we can reap them (prctl(2)). Without it init has to."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        log.info("not the reaper of orphans: %s", os.strerror(ctypes.get_errno()))
