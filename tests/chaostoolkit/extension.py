"""What somebody's own extension looks like: probes, actions and controls over a folder that is the system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def healthy(folder: str) -> bool:
    if (Path(folder) / "broken").exists():
        (Path(folder) / "seen").touch()
        return False
    return True


def health(folder: str) -> dict[str, Any]:
    return {"service": {"name": "web", "replicas": [{"id": 1, "up": healthy(folder)}, {"id": 2, "up": True}]}}


def break_it(folder: str, seconds: float = 0.0) -> str:
    """Broken from now on. It mends itself once a probe has seen it, or after `seconds`, if there are any."""
    (Path(folder) / "broken").touch()
    if seconds:
        _wait(lambda: (Path(folder) / "seen").exists(), seconds)
        mend(folder)
    return "broken"


def mend(folder: str) -> str:
    (Path(folder) / "broken").unlink(missing_ok=True)
    note(folder, "mended")
    return "mended"


def note(folder: str, text: str) -> str:
    with (Path(folder) / "notes").open("a") as file:
        file.write(f"{text}\n")
    return text


def number(value: float) -> float:
    return value


def fail(message: str = "it cannot be done") -> None:
    raise ValueError(message)


def fail_when_broken(folder: str) -> bool:
    if not healthy(folder):
        raise ConnectionError("nobody answers")
    return True


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def sleep_until_ended(folder: str, step: str) -> str:
    """Until a journal says that this step has ended, half a minute at most."""

    def has_ended() -> bool:
        lines = [line for path in Path(folder).glob("home/runs/*/journal.jsonl") for line in path.open()]
        return any('"step ended"' in line and f'"{step}"' in line for line in lines)

    _wait(has_ended, 30)
    return "slept"


def sleep_with_children(folder: str) -> str:
    """Hangs, and so does a child of it, whose pid is in the file `child`."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    written = Path(folder) / "child.part"
    written.write_text(str(child.pid))
    written.rename(Path(folder) / "child")
    threading.Thread(target=child.wait, daemon=True).start()
    while True:
        time.sleep(1)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.02)


def spill(secrets: dict[str, str], configuration: dict[str, Any]) -> dict[str, Any]:
    """Tells all it knows, as a careless extension does."""
    print("the token is", secrets["token"])
    return {"token": secrets["token"], "header": f"Bearer {secrets['token']}", "region": configuration.get("region")}


def spill_and_fail(secrets: dict[str, str]) -> None:
    os.write(2, f"calling with {secrets['token']}\n".encode())
    raise RuntimeError(f"401 for https://user:{secrets['token']}@example.com")


def is_small(value: float, limit: float = 10.0) -> bool:
    return value < limit


class InterruptExecution(Exception):
    """By its name what chaoslib.exceptions has."""


def interrupt() -> None:
    raise InterruptExecution("that is enough")


def leave_by_signal() -> None:
    """What chaoslib.exit.exit_gracefully does."""
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(5)


def crash() -> None:
    os.write(2, b"the interpreter is lost\n")
    os._exit(7)
