"""chaos platform: the bundled streaming platform, or processes of one's own, up and down, and a look at what runs."""

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

from chaos.cli import launcher, platform_chart
from chaos.cli.launcher import Place

SAY_EVERY_SECONDS = 1.0
FOLLOW_SECONDS = 0.2

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The bundled streaming platform, or processes of your own: up, down.",
)

Say = Callable[[str], None]
Environment = Annotated[
    str | None,
    typer.Option("--environment", "-e", metavar="FILE", help="The processes that this file lists, or its cluster."),
]


@app.command("up")
def up_command(  # noqa: PLR0913  one parameter is one option
    weaken: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take this protection away; repeat for more.")
    ] = None,
    base_port: Annotated[int | None, typer.Option(help="First of the ports that are used (default 21000).")] = None,
    environment: Environment = None,
    reserve: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE", help="Keep one more of it in each region, at rest; repeat for more."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The media pipeline's store (default: platform/store, in its home)."),
    ] = None,
    set_values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="On a cluster: a value of the chart.")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--values", metavar="FILE", help="On a cluster: values of the chart.")
    ] = None,
) -> None:
    """Start the platform, or take over one whose launcher has died; safe to repeat. On a cluster: install its chart.

    Up already with other weaknesses: its services are restarted with those named here.
    Exit code: 0 all is ready, 2 bad input, 3 something did not become ready, 4 refused and nothing was started.
    """
    cluster = platform_chart.cluster_of(environment)
    if cluster is not None:
        refuse_what_a_cluster_has_not(base_port, reserve or [], store)
        platform_chart.up(cluster, weaken or [], values or [], set_values or [], print)
        return
    refuse_values([*(values or ()), *(set_values or ())])
    place = launcher.place_of(environment)
    refuse_what_only_the_bundled_has(place, weaken or [], base_port, [*(reserve or ()), *([store] if store else ())])
    more = [word for service in reserve or () for word in ("--reserve", service)]
    more += ["--store", store if "://" in store else str(Path(store).absolute())] if store else []
    up(weaken or [], base_port, print, place, more)


@app.command("down")
def down_command(environment: Environment = None) -> None:
    """Stop every process of the platform, also when its launcher is dead."""
    cluster = platform_chart.cluster_of(environment)
    if cluster is not None:
        platform_chart.down(cluster, print)
        return
    down(print, launcher.place_of(environment))


@app.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="Everything that is known, as JSON.")] = False,
    environment: Environment = None,
) -> None:
    """Show what runs. Exit code: 0 every instance and proxy is ready, 3 something is not (or nothing is up)."""
    cluster = platform_chart.cluster_of(environment)
    if cluster is not None:
        raise typer.Exit(0 if platform_chart.status(cluster, as_json, print) else 3)
    place = launcher.place_of(environment)
    seen = launcher.last_event(place, ["status"])
    print(json.dumps(seen, indent=2) if as_json else "\n".join(_table(place, seen)))
    raise typer.Exit(0 if seen["ready"] else 3)


@app.command("logs")
def logs_command(
    instance: Annotated[str, typer.Argument(help="An instance, `proxy-REGION`, `zygote` or `launcher`.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="How many of the last lines.")] = 50,
    environment: Environment = None,
) -> None:
    """Print the last lines of an instance's log."""
    path = _log_of(launcher.place_of(environment), instance)
    text, end = _tail(path, lines)
    sys.stdout.write(text)
    sys.stdout.flush()
    if follow:
        _follow(path, end)


# parameters: how it is to be, where, and who is told
def up(
    weaken: Sequence[str],
    base_port: int | None,
    say: Say,
    place: Place | None = None,
    more: Sequence[str] = (),
) -> None:
    """Bring the platform up and return when every instance is ready; `say` gets progress, a sentence at a time.

    Without a `place` it is the bundled platform. `more` are words that the launcher understands.

    Raises BadInput (an unknown weakness, a command that is not there),
    Refused (a port in use, other ports already up; nothing was started) or ActionFailed (something did not become
    ready; what runs is left as it is).
    """
    proxy_command = json.dumps([sys.executable, "-m", "chaos.proxy", "serve"])
    arguments = ["up", "--proxy-command", proxy_command, *more]
    for name in weaken:
        arguments += ["--weaken", absolute(name)]
    if base_port is not None:
        arguments += ["--base-port", str(base_port)]
    place = place or launcher.bundled()
    if not place.bundled:
        arguments += ["--spec", str(launcher.launch_file(place))]
    toxiproxy = launcher.carrier(place)
    toxiproxy.check()
    progress, carried = _Progress(place, say), False
    for event in launcher.events(place, arguments):
        if event["event"] == "ready" and not carried:  # nothing refuses any more: these ports are this system's
            toxiproxy.carry()
            carried = True
        progress.on(event)


def down(say: Say, place: Place | None = None) -> None:
    """Stop every process of the platform. Raises ActionFailed when that cannot be done."""
    place = place or launcher.bundled()
    stopped = launcher.last_event(place, ["down"])["stopped"]
    say(f"{place.words} is down" if stopped else f"{place.words} was not up")
    left = launcher.carrier(place).let_go()
    if left:
        say(left)


@contextmanager
def weaken(names: Sequence[str], say: Say) -> Iterator[None]:
    """Take protections away from the running platform until the block ends, or this process does.

    The launcher binds them to a child of ours that reads from us: also after kill -9 they are taken back.
    Raises BadInput (an unknown weakness) or Refused (the platform is not up).
    """
    arguments = ["weaken", *(part for name in names for part in ("--weaken", absolute(name)))]
    holder = subprocess.Popen(
        launcher.command(launcher.bundled(), arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdin is not None, "asked for above"
    assert holder.stdout is not None, "asked for above"
    with holder:
        said = json.loads(holder.stdout.readline() or '{"event": "error", "kind": "failed", "message": "", "hint": ""}')
        if said["event"] == "error":
            raise launcher.error(launcher.bundled(), said)
        say(f"the platform is {_weakened(said)} for these runs")
        try:
            yield
        finally:
            holder.stdin.close()
            said = json.loads(holder.stdout.readline())
            say(f"the platform is back {_weakened(said)}" if said["event"] == "restored" else said["message"])


def absolute(weakness: str) -> str:
    """A weakness of one's own is given by its file, which the launcher reads from another folder."""
    return str(Path(weakness).absolute()) if weakness.endswith(".yaml") else weakness


class _Progress:
    """Turns the launcher's events into sentences."""

    def __init__(self, place: Place, say: Say) -> None:
        self._place = place
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
        with_what = f", {_weakened(state)}" if self._place.bundled else ""
        resting = sum(map(_rests, state["instances"]))
        count, at_rest = len(state["instances"]) - resting, f" and {resting} in reserve" if resting else ""
        instances = f"{count} instance{'s'[: count != 1]}{at_rest}"
        self._say(f"{self._place.words} is {again}{with_what}: {instances} in {seconds:.1f} s")
        for region in state["regions"] if self._place.bundled else ():
            gateways = [
                f"http://{each['address']}"
                for each in state["instances"]
                if each["region"] == region and each["service"] == "gateway"
            ]
            self._say(f"  region {region}: {', '.join(gateways) or 'no gateway'}")
        for each in () if self._place.bundled else state["instances"]:
            self._say(f"  {each['name']}: http://{each['address']}")
        unlimited = [each for each in state["instances"] if each["data_unlimited"]]
        if unlimited:
            names = ", ".join(each["name"] for each in unlimited)
            self._say(f"  without a limit on their data, so disk_full cannot hit them: {names}")
            self._say(f"    ({unlimited[0]['data_unlimited']})")


def refuse_what_only_the_bundled_has(
    place: Place, weaken: Sequence[str], base_port: int | None = None, reserve: Sequence[str] = ()
) -> None:
    """Raises BadInput for options that processes of one's own cannot have."""
    from chaos.model.errors import BadInput

    if place.bundled:
        return
    if weaken:
        raise BadInput(
            f"{place.words} has no weaknesses that can be named",
            "--weaken takes protections of the bundled platform away; change your own in your own configuration",
        )
    if base_port is not None:
        raise BadInput(f"{place.words} takes its ports from {place.environment}", "leave --base-port out")
    if reserve:
        raise BadInput(f"{place.words} has what {place.environment} lists", "leave --reserve and --store out")


def refuse_what_a_cluster_has_not(base_port: int | None, reserve: Sequence[str], store: str | None) -> None:
    """Raises BadInput: on a cluster every pod has the same port, and a Deployment its own number of them."""
    from chaos.model.errors import BadInput

    if base_port is not None:
        raise BadInput("--base-port is for processes on this machine", "on a cluster: --set port=N")
    if reserve:
        raise BadInput("--reserve is for processes on this machine", "on a cluster: the fault kubernetes/scale")
    if store:
        raise BadInput("--store is for processes on this machine", "on a cluster: a value of the chart, with --set")


def refuse_values(given: Sequence[str]) -> None:
    """Raises BadInput: there is no chart on this machine."""
    from chaos.model.errors import BadInput

    if given:
        raise BadInput("--set and --values are for a platform on a cluster", "add --environment with a cluster's file")


def _weakened(state: dict[str, Any]) -> str:
    return f"weakened by {', '.join(state['weakened'])}" if state["weakened"] else "with all its protections"


def _table(place: Place, seen: dict[str, Any]) -> Iterator[str]:
    state, option = seen["state"], place.option
    if state is None:
        yield f"{place.words} was never up here"
        return
    if not seen["launcher"]:
        yield f"no launcher runs: `chaos platform up{option}` takes over what is left, `... down{option}` ends it"
    yield f"{state['name']}, {_weakened(state)}" if place.bundled else state["name"]
    rows = [("INSTANCE", "REGION", "STATE", "PID", "RESTARTS", "ADDRESS")]
    rows += [_row(each) for each in state["instances"]]
    rows += [_row(_as_instance(each)) for each in state["proxies"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(instance: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    state = instance["state"]
    if _rests(instance):
        state = "in reserve"
    elif instance["held_until"] is not None:
        state += f" for {max(0.0, instance['held_until'] - time.time()):.0f} s"
    pid = "-" if instance["pid"] is None else str(instance["pid"])
    return instance["name"], instance["region"], state, pid, str(instance["restarts"]), instance["address"]


def _rests(instance: dict[str, Any]) -> bool:
    """It is kept in reserve, and held down for no other reason."""
    return bool(instance.get("reserve")) and set(instance["holders"]) == {"reserve"}


def _as_instance(proxy: dict[str, Any]) -> dict[str, Any]:
    address = proxy["api"].removeprefix("http://")
    return {**proxy, "name": f"proxy-{proxy['region']}", "address": address, "held_until": None}


def _log_of(place: Place, instance: str) -> Path:
    from difflib import get_close_matches

    from chaos.model.errors import BadInput

    state = launcher.last_event(place, ["status"])["state"]
    if state is None:
        raise BadInput(f"{place.words} was never up here", f"start it with `chaos platform up{place.option}`")
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
