"""Forks a process that leads a session of its own, with its output in a file of its own.

The child itself writes down who it is before it does anything else. So nobody is lost, whenever the launcher dies.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from target_platform.launcher.process import Identity, born, identity_of

LOG_LIMIT_BYTES = 16 * 1024 * 1024


class Birth(msgspec.Struct, frozen=True):
    """What a new process is born with: its name, where it writes who it is, and where its output goes."""

    name: str
    record: str
    log: str
    environment: dict[str, str] = {}


def fork_session(birth: Birth, body: Callable[[], None]) -> Identity:
    """Run `body` in a new process. The caller must be single-threaded, and is its parent: it has to reap it."""
    Path(birth.record).parent.mkdir(parents=True, exist_ok=True)
    Path(birth.log).parent.mkdir(parents=True, exist_ok=True)
    pid = os.fork()
    if pid == 0:
        _live(birth, body)
    return born(pid)


def execute(command: Sequence[str], directory: str = "") -> None:
    """Replace this process by a command; does not return. A command that cannot be started says so in the log."""
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        if directory:
            os.chdir(directory)
        os.execvp(command[0], list(command))
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        raise SystemExit(127) from error


def read_record(path: Path) -> Identity | None:
    """Who last wrote this record and is still alive."""
    try:
        identity = msgspec.json.decode(path.read_bytes(), type=Identity)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return identity if identity_of(identity.pid) == identity else None


def _live(birth: Birth, body: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _forget_signals()
        _write_record(Path(birth.record))
        _redirect_output(Path(birth.log))
        os.environ.update(birth.environment)
        Path("/proc/self/comm").write_text(birth.name[:15])
        body()
        code = 0
    except SystemExit as ending:
        code = _exit_code(ending)
    except BaseException:  # noqa: BLE001  nothing may return into the code of the parent
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _exit_code(ending: SystemExit) -> int:
    """As the interpreter does it: anything but a number is a message, and means 1."""
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    print(ending.code, file=sys.stderr)
    return 1


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _write_record(path: Path) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(msgspec.json.encode(born(os.getpid())))
    part.replace(path)


def _redirect_output(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        if descriptor > 2:
            os.close(descriptor)
