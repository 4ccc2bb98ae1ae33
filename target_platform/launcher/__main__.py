"""`python -m target_platform.launcher [up|down|status|weaken] --home DIR`: JSON lines on stdout, for programs.

Without an action it is the launcher itself, in the foreground, running DIR/launch.json.
`chaos platform` is the same for people.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from target_platform.launcher.errors import EXIT_CODES, LauncherError


def main() -> int:
    """Exit codes: 0; 2 bad input; 3 not ready, or something went wrong on the way; 4 refused, nothing was started."""
    options = _options()
    try:
        return {"supervise": _supervise, "up": _up, "down": _down, "status": _status, "weaken": _weaken}[
            options.action
        ](options)
    except LauncherError as error:
        tell({"event": "error", "kind": error.kind, "message": error.message, "hint": error.hint})
        return EXIT_CODES[error.kind]
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        sentence = f"{error.filename or options.home}: {error.strerror}"
        tell({"event": "error", "kind": "refused", "message": sentence, "hint": "free space or permit writing there"})
        return EXIT_CODES["refused"]


def tell(event: dict[str, Any]) -> None:
    try:
        print(json.dumps(event), flush=True)
    except BrokenPipeError:  # whoever listened has gone; what was begun is finished all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m target_platform.launcher", description=__doc__)
    parser.add_argument(
        "action", nargs="?", default="supervise", choices=("supervise", "up", "down", "status", "weaken")
    )
    parser.add_argument("--home", type=Path, required=True, help="the launcher's folder")
    parser.add_argument("--spec", type=Path, help="up: run this LaunchSpec (JSON) instead of the bundled platform")
    parser.add_argument("--base-port", type=int, help="up: the first port of the bundled platform")
    parser.add_argument(
        "--weaken", action="append", default=[], metavar="NAME", help="up, weaken: a weakness (repeatable)"
    )
    parser.add_argument(
        "--reserve",
        action="append",
        default=[],
        metavar="SERVICE",
        help="up: keep one more of it in each region at rest",
    )
    parser.add_argument(
        "--store", default="", metavar="DIR", help="up: where the media pipeline publishes (default: HOME/store)"
    )
    parser.add_argument("--proxy-command", help="up: JSON list of the command that starts a proxy")
    return parser.parse_args()


def _supervise(options: argparse.Namespace) -> int:
    from target_platform.launcher.supervise import supervise

    supervise(options.home, lambda: tell({"event": "started"}))
    return 0


def _up(options: argparse.Namespace) -> int:
    import msgspec

    from target_platform.launcher.bundled import More, bundled, from_file
    from target_platform.launcher.folder import Folder
    from target_platform.launcher.up import Wanted, up

    began = time.monotonic()
    folder = Folder(options.home)
    if options.spec:
        wanted = from_file(options.spec)
    else:
        more = More(reserve=tuple(options.reserve), store=options.store)
        wanted = bundled(folder, options.base_port, options.weaken, tell, more)
    if options.proxy_command:
        spec = msgspec.structs.replace(wanted.spec, proxy_command=tuple(json.loads(options.proxy_command)))
        wanted = Wanted(spec, wanted.policies)
    state = up(folder, wanted, tell)
    tell({"event": "up", "seconds": round(time.monotonic() - began, 2), "state": msgspec.to_builtins(state)})
    return 0


def _down(options: argparse.Namespace) -> int:
    from target_platform.launcher.down import down
    from target_platform.launcher.folder import Folder

    tell({"event": "down", "stopped": down(Folder(options.home))})
    return 0


def _status(options: argparse.Namespace) -> int:
    from target_platform.launcher.folder import Folder
    from target_platform.launcher.status import status

    seen = status(Folder(options.home))
    tell({"event": "status", **seen})
    return 0 if seen["ready"] else 3


def _weaken(options: argparse.Namespace) -> int:
    from target_platform.launcher.folder import Folder
    from target_platform.launcher.weaken import weaken

    weaken(Folder(options.home), options.weaken, sys.stdin.buffer, tell)
    return 0


if __name__ == "__main__":
    sys.exit(main())
