"""`chaos` with a meter at botocore's door: which requests were under way when, and how much CPU we had used by then.

python -m tests.benchmarks.metered FILE ARGUMENT...: runs `chaos ARGUMENT...`, then writes FILE.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

STARTED = time.time()


class Asked(Struct, frozen=True):
    """One request, from the moment it is handed to the network until its whole answer is there; CPU of the process."""

    action: str
    began: float
    ended: float
    cpu_seconds: float


class Metered(Struct, frozen=True):
    """One command; times are those of the system's clock."""

    started: float
    asked: tuple[Asked, ...]
    cpu_seconds: float

    def waited_seconds(self, since: float, until: float) -> float:
        """For how long at least one request had no answer: what is left of the clock is our own time."""
        waited, reached = 0.0, since
        for each in sorted(self.asked, key=lambda each: each.began):
            began, ended = max(each.began, reached), min(each.ended, until)
            if ended > began:
                waited += ended - began
                reached = ended
        return waited

    def cpu_until(self, moment: float) -> float:
        return max((each.cpu_seconds for each in self.asked if each.ended <= moment), default=0.0)


def read(file: Path) -> Metered:
    return msgspec.json.decode(file.read_bytes(), type=Metered)


def main(arguments: Sequence[str]) -> None:
    asked = _metering()
    file = Path(arguments[0])
    leave = os._exit

    def written(code: int) -> NoReturn:
        """The command leaves without a word to anybody once its report is there."""
        file.write_bytes(msgspec.json.encode(Metered(STARTED, tuple(asked), time.process_time())))
        leave(code)

    os._exit = written  # type: ignore[assignment]  # nothing else is told when the command ends
    sys.argv[1:] = arguments[1:]
    from chaos.cli import main as chaos

    chaos()


def _metering() -> list[Asked]:
    """A list that every request of this process is added to."""
    from botocore.httpsession import URLLib3Session

    asked: list[Asked] = []
    send = URLLib3Session.send

    def metered(self: Any, request: Any) -> Any:
        began = time.time()
        try:
            return send(self, request)
        finally:
            asked.append(Asked(_action(request), began, time.time(), time.process_time()))

    URLLib3Session.send = metered
    return asked


def _action(request: Any) -> str:
    form = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    target = request.headers.get("X-Amz-Target", b"")
    named = parse_qs(form.decode(errors="replace")).get("Action", [""])[0]
    return named or (target if isinstance(target, str) else target.decode()).rpartition(".")[2] or str(request.method)


if __name__ == "__main__":
    main(sys.argv[1:])
