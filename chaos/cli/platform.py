"""chaos platform: the bundled streaming platform, up and down, and a look at what runs.

The toolkit never imports the platform: it runs `python -m target_platform.launcher` and reads JSON lines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

SAY_EVERY_SECONDS = 1.0
FOLLOW_SECONDS = 0.2

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The bundled streaming platform: up, down, status.")

Say = Callable[[str], None]


@app.command("up")
def up_command(
    weaken: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take this protection away; repeat for more.")
    ] = None,
    base_port: Annotated[int | None, typer.Option(help="First of the ports that are used (default 21000).")] = None,
) -> None:
    """Start the platform, or take over one whose launcher has died; safe to repeat.

    Up already with other weaknesses: its services are restarted with those named here.
    Exit code: 0 all is ready, 2 bad input, 3 something did not become ready, 4 refused and nothing was started.
    """
    up(weaken or [], base_port, print)


@app.command("down")
def down_command() -> None:
    """Stop every process of the platform, also when its launcher is dead."""
    down(print)


@app.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="Everything that is known, as JSON.")] = False,
) -> None:
    """Show what runs. Exit code: 0 every instance and proxy is ready, 3 something is not (or nothing is up)."""
    seen = _last_event(["status"])
    print(json.dumps(seen, indent=2) if as_json else "\n".join(_table(seen)))
    raise typer.Exit(0 if seen["ready"] else 3)


@app.command("logs")
def logs_command(
    instance: Annotated[str, typer.Argument(help="An instance, `proxy-REGION`, `zygote` or `launcher`.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="How many of the last lines.")] = 50,
) -> None:
    """Print the last lines of an instance's log."""
    path = _log_of(instance)
    text, end = _tail(path, lines)
    sys.stdout.write(text)
    sys.stdout.flush()
    if follow:
        _follow(path, end)


def up(weaken: Sequence[str], base_port: int | None, say: Say) -> None:
    """Bring the platform up and return when every instance is ready; `say` gets progress, a sentence at a time.

    Raises BadInput (an unknown weakness), Refused (a port in use, other ports already up; nothing was started) or
    ActionFailed (something did not become ready; what runs is left as it is).
    """
    proxy_command = json.dumps([sys.executable, "-m", "chaos.proxy", "serve"])
    arguments = ["up", "--proxy-command", proxy_command]
    for name in weaken:
        arguments += ["--weaken", name]
    if base_port is not None:
        arguments += ["--base-port", str(base_port)]
    progress = _Progress(say)
    for event in _events(arguments):
        progress.on(event)


def down(say: Say) -> None:
    """Stop every process of the platform. Raises ActionFailed when that cannot be done."""
    say("the platform is down" if _last_event(["down"])["stopped"] else "the platform was not up")


@contextmanager
def weaken(names: Sequence[str], say: Say) -> Iterator[None]:
    """Take protections away from the running platform until the block ends, or this process does.

    The launcher binds them to a child of ours that reads from us: also after kill -9 they are taken back.
    Raises BadInput (an unknown weakness) or Refused (the platform is not up).
    """
    arguments = ["weaken", *(part for name in names for part in ("--weaken", name))]
    holder = subprocess.Popen(
        _command(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert holder.stdin is not None, "asked for above"
    assert holder.stdout is not None, "asked for above"
    with holder:
        said = json.loads(holder.stdout.readline() or '{"event": "error", "kind": "failed", "message": "", "hint": ""}')
        if said["event"] == "error":
            raise _error(said)
        say(f"the platform is {_weakened(said)} for these runs")
        try:
            yield
        finally:
            holder.stdin.close()
            said = json.loads(holder.stdout.readline())
            say(f"the platform is back {_weakened(said)}" if said["event"] == "restored" else said["message"])


class _Progress:
    """Turns the launcher's events into sentences."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._said_at = time.monotonic()
        self._launcher = "new"

    def on(self, event: dict[str, Any]) -> None:
        if event["event"] == "media":
            self._say("preparing the media: about 15 s the first time, then it is cached")
        elif event["event"] == "launcher":
            self._launcher = event["launcher"]
            if self._launcher == "adopting":
                self._say("the launcher had died: a new one takes over what runs")
        elif event["event"] == "policies":
            self._say(f"restarting the services {_weakened(event)}")
        elif event["event"] == "ready" and time.monotonic() - self._said_at >= SAY_EVERY_SECONDS:
            self._said_at = time.monotonic()
            self._say(f"{event['ready']} of {event['total']} instances are ready")
        elif event["event"] == "up":
            self._up(event["state"], event["seconds"])

    def _up(self, state: dict[str, Any], seconds: float) -> None:
        again = "up already" if self._launcher == "running" else "up"
        self._say(
            f"the platform is {again}, {_weakened(state)}: {len(state['instances'])} instances in {seconds:.1f} s"
        )
        for region in state["regions"]:
            gateways = [
                f"http://{each['address']}"
                for each in state["instances"]
                if each["region"] == region and each["service"] == "gateway"
            ]
            self._say(f"  region {region}: {', '.join(gateways) or 'no gateway'}")


def _weakened(state: dict[str, Any]) -> str:
    return f"weakened by {', '.join(state['weakened'])}" if state["weakened"] else "with all its protections"


def _table(seen: dict[str, Any]) -> Iterator[str]:
    state = seen["state"]
    if state is None:
        yield "the platform was never up here"
        return
    if not seen["launcher"]:
        yield "no launcher runs: `chaos platform up` takes over what is left, `chaos platform down` ends it"
    yield f"{state['name']}, {_weakened(state)}"
    rows = [("INSTANCE", "REGION", "STATE", "PID", "RESTARTS", "ADDRESS")]
    rows += [_row(each) for each in state["instances"]]
    rows += [_row(_as_instance(each)) for each in state["proxies"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(instance: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    state = instance["state"]
    if instance["held_until"] is not None:
        state += f" for {max(0.0, instance['held_until'] - time.time()):.0f} s"
    pid = "-" if instance["pid"] is None else str(instance["pid"])
    return instance["name"], instance["region"], state, pid, str(instance["restarts"]), instance["address"]


def _as_instance(proxy: dict[str, Any]) -> dict[str, Any]:
    address = proxy["api"].removeprefix("http://")
    return {**proxy, "name": f"proxy-{proxy['region']}", "address": address, "held_until": None}


def _log_of(instance: str) -> Path:
    from difflib import get_close_matches

    from chaos.model.errors import BadInput

    state = _last_event(["status"])["state"]
    if state is None:
        raise BadInput("the platform was never up here", "start it with `chaos platform up`")
    logs = {each["name"]: each["log"] for each in state["instances"]}
    logs |= {f"proxy-{each['region']}": each["log"] for each in state["proxies"]}
    logs |= {name: f"{state['log_dir']}/{name}.log" for name in ("launcher", "zygote")}
    if instance not in logs:
        near = get_close_matches(instance, logs, n=1)
        raise BadInput(
            f"no instance is called {instance!r}",
            f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(logs))}",
        )
    return Path(logs[instance])


def _tail(path: Path, lines: int) -> tuple[str, int]:
    """The last lines of a file, and the offset at which what is written later will begin."""
    if not path.exists():
        return "", 0
    content = path.read_bytes()
    kept = content.splitlines(keepends=True)[-lines:] if lines else []
    return b"".join(kept).decode(errors="replace"), len(content)


def _follow(path: Path, offset: int) -> None:
    try:
        while True:
            time.sleep(FOLLOW_SECONDS)
            size = path.stat().st_size if path.exists() else 0
            if size < offset:
                offset = 0  # it was set aside at a restart and begun anew
            if size > offset:
                with path.open("rb") as log:
                    log.seek(offset)
                    new = log.read()
                offset += len(new)
                sys.stdout.write(new.decode(errors="replace"))
                sys.stdout.flush()
    except KeyboardInterrupt:
        return


def _last_event(arguments: list[str]) -> dict[str, Any]:
    """Run a short launcher command and return what it says last."""
    return list(_events(arguments))[-1]


def _events(arguments: list[str]) -> Iterator[dict[str, Any]]:
    """Run a launcher command and yield what it says. Raises ChaosError when it fails."""
    from chaos.model.errors import ActionFailed

    command = _command(arguments)
    last: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as launcher:
        assert launcher.stdout is not None, "asked for above"
        for line in launcher.stdout:
            last = json.loads(line)
            if last["event"] == "error":
                raise _error(last)
            yield last
    if not last or launcher.returncode not in (0, 3):
        raise ActionFailed(
            f"`{' '.join(command[1:4])}` ended with exit code {launcher.returncode} and did not say why",
            f"see {Path(command[-1]) / 'logs' / 'launcher.log'}",
        )


def _command(arguments: list[str]) -> list[str]:
    """A launcher command on this user's platform."""
    from chaos.model.home import steadfast_home

    home = steadfast_home() / "platform"
    return [sys.executable, "-m", "target_platform.launcher", *arguments, "--home", str(home)]


def _error(event: dict[str, Any]) -> Exception:
    from chaos.model.errors import ActionFailed, BadInput, Refused

    kinds = {"bad input": BadInput, "refused": Refused, "failed": ActionFailed}
    return kinds[event["kind"]](event["message"], event["hint"])
