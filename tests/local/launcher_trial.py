"""A launcher in a folder of its own, over servers of a few lines, for the tests of the launcher.

Run as a module it is such a launcher: `python -m tests.local.launcher_trial HOME ZYGOTE_MODULE`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from target_platform.launcher.client import ask
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder
from target_platform.launcher.launch_file import write_spec
from target_platform.launcher.process import Identity, is_alive
from target_platform.launcher.spec import InstanceSpec, InstanceStatus, LaunchSpec, State
from target_platform.launcher.state import read_state
from tests import ports

ROOT = Path(__file__).resolve().parents[2]
PORTS = ports.free(32000)
MARK = "STEADFAST_TRIAL"

SERVER = r"""
import os, socket, sys, time
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%d" % os.getpid())
    connection.close()
"""


def server(
    name: str, service: str = "s", region: str = "r1", after: tuple[str, ...] = (), slow: float = 0
) -> InstanceSpec:
    """An instance that answers every request with its pid, after having been slow to start."""
    command = (sys.executable, "-S", "-c", SERVER, "{port}", str(slow))
    return InstanceSpec(name=name, service=service, region=region, port=next(PORTS), command=command, after=after)


def bundled(name: str, policies: Path) -> InstanceSpec:
    """An instance forked from the zygote, which answers with the policies that it read at its start."""
    config = {"port": (port := next(PORTS)), "policies_file": str(policies)}
    return InstanceSpec(name=name, service="s", region="r1", port=port, config=config)


class Trial:
    """One system under one launcher at a time. `close` leaves nothing, whatever the test did."""

    def __init__(self, home: Path) -> None:
        self.folder = Folder(home)
        self._launchers: list[subprocess.Popen[bytes]] = []
        self._mark = f"{MARK}={home}".encode()
        self._environment = {**os.environ, MARK: str(home)}

    def launch(self, *instances: InstanceSpec, **more: Any) -> None:
        """Start a launcher over these instances and return when they are ready."""
        write_spec(self.folder, LaunchSpec(name="trial", regions=("r1", "r2"), instances=instances, **more))
        said = self.start_launcher()
        assert said["event"] == "started", said
        self.until_ready()

    def start_launcher(self, zygote: str = "tests.local.launcher_zygote") -> dict[str, Any]:
        """Start a launcher over what launch.json says, with this module as the zygote; what it says first."""
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        with self.folder.launcher_log.open("ab") as log:
            launcher = subprocess.Popen(
                [sys.executable, "-m", "tests.local.launcher_trial", str(self.folder.home), zygote],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._launchers.append(launcher)
        assert launcher.stdout is not None
        with launcher.stdout as said:
            first: dict[str, Any] = json.loads(said.readline())
        if first["event"] == "error":
            launcher.wait()
        return first

    def kill_launcher(self) -> None:
        self._launchers[-1].kill()
        self._launchers[-1].wait()

    def signal_launcher(self, number: signal.Signals) -> int:
        """Signal the launcher and return its exit code."""
        self._launchers[-1].send_signal(number)
        return self._launchers[-1].wait(timeout=30)

    @property
    def launcher_pid(self) -> int:
        return self._launchers[-1].pid

    def command_line(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """Run `python -m target_platform.launcher ARGUMENTS --home HOME`; its exit code and what it said."""
        command = [sys.executable, "-m", "target_platform.launcher", *arguments, "--home", str(self.folder.home)]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, timeout=60, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        return ask(self.folder, {"op": op, **request}, 20)

    def hold(self, *names: str, seconds: float = 60) -> None:
        self.ask("hold", instances=names, until=time.time() + seconds)

    def hold_briefly(self, name: str) -> float:
        """Hold it for a fifth of a second, or longer where that is over before the launcher hears of it; the end."""
        return briefly(lambda until: self.ask("hold", instances=[name], until=until))

    def release(self, *names: str) -> None:
        self.ask("release", instances=names)

    def state(self) -> State:
        """What the state file says at this moment."""
        state = read_state(self.folder.state)
        assert state is not None
        return state

    def instance(self, name: str) -> InstanceStatus:
        return next(each for each in self.state().instances if each.name == name)

    def pid(self, name: str) -> int:
        pid = self.instance(name).pid
        assert pid is not None, f"{name} does not run"
        return pid

    def answer(self, name: str) -> str:
        """The body of the answer of an instance."""
        host, port = self.instance(name).address.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            received = b"".join(iter(lambda: connection.recv(4096), b""))
        return received.partition(b"\r\n\r\n")[2].decode()

    def until_ready(self, *names: str, within: float = 60) -> None:
        def ready() -> bool:
            chosen = [each for each in self.state().instances if not names or each.name in names]
            return all(each.state in ("ready", "held down") for each in chosen)

        until(ready, within)

    def processes(self) -> list[int]:
        """Every process that was started for this trial and lives, the launcher included."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_ours(pid)]

    def close(self) -> None:
        if self._launchers:
            self.command_line("down")
        for launcher in self._launchers:
            launcher.kill()
            launcher.wait()
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == [], "processes were left behind"

    def _is_ours(self, pid: int) -> bool:
        try:
            return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and pid != os.getpid()
        except OSError:
            return False


def briefly(wish: Callable[[float], object]) -> float:
    """Wish for something until a moment that is soon, and that a busy machine has not passed when it is heard."""
    for seconds in (0.2, 1.0, 5.0):
        try:
            wish(ends_at := time.time() + seconds)
            return ends_at
        except LauncherError as error:
            if "in the future" not in error.message:
                raise
    raise AssertionError("the launcher takes more than five seconds to hear of anything")


def until(condition: Callable[[], bool], within: float = 30) -> None:
    """Return when the condition holds; fails the test when it does not in time. Generous: machines may be busy."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def gone(identity: Identity) -> bool:
    return not is_alive(identity)


def main() -> None:
    from target_platform.launcher.supervise import supervise

    zygote = (sys.executable, "-m", sys.argv[2])
    try:
        supervise(Path(sys.argv[1]), lambda: print(json.dumps({"event": "started"}), flush=True), zygote)
    except LauncherError as error:
        print(msgspec.json.encode({"event": "error", "message": error.message}).decode(), flush=True)
        sys.exit(4)


if __name__ == "__main__":
    main()
