"""How the commands talk to the launcher: `python -m target_platform.launcher`, which answers with JSON lines.

The toolkit never imports the platform. A Place is which system is meant: the bundled one, or processes of one's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.environments.local.toxiproxy import Toxiproxy


@dataclass(frozen=True)
class Place:
    """The launcher's folder, what the system is called, and the option by which `chaos` commands mean it."""

    home: Path
    words: str = "the platform"
    option: str = ""
    environment: str = ""

    @property
    def bundled(self) -> bool:
        return not self.environment

    def hint(self, text: str) -> str:
        """A hint of the launcher's, with the commands and files that belong to this place."""
        if self.bundled:
            return text
        text = text.replace("`chaos platform down`", f"`chaos platform down{self.option}`")
        text = text.replace(
            ", or choose other ports with --base-port", f", or choose other ports in {self.environment}"
        )
        return text.replace("launch.json", self.environment)


def bundled() -> Place:
    from chaos.model.home import steadfast_home

    return Place(steadfast_home() / "platform")


def place_of(environment: str | None) -> Place:
    """What --environment means: a file with processes of one's own; the bundled platform without one.

    Raises BadInput for a file that cannot be used, or one whose system is not started from here.
    """
    from chaos.catalog import Catalog
    from chaos.environments.local import own
    from chaos.model.errors import BadInput
    from chaos.shipped import find_environment
    from chaos.spec import load_environment

    if environment is None:
        return bundled()
    whole = load_environment(find_environment(environment), Catalog())
    ref = next((part for part in whole.parts if part.kind == "local"), whole)
    if ref.kind != "local" or own.settings_of(ref).state:
        raise BadInput(f"environment {ref.name} is not one that is started from here", "whoever runs it starts it")
    if not own.settings_of(ref).processes:
        return bundled()
    return Place(own.home_of(ref), ref.name, f" --environment {environment}", environment)


def launch_file(place: Place) -> Path:
    """Write what the launcher is to run into the place's folder. Raises BadInput for what cannot be started here."""
    import msgspec

    from chaos.catalog import Catalog
    from chaos.environments.local.own import launch_spec
    from chaos.shipped import find_environment
    from chaos.spec import load_environment

    spec = launch_spec(load_environment(find_environment(place.environment), Catalog()))
    place.home.mkdir(parents=True, exist_ok=True)
    file = place.home / "wanted.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(spec)))
    return file


def carrier(place: Place) -> Toxiproxy:
    """What the environment says of a Toxiproxy of its owner's."""
    from chaos.catalog import Catalog
    from chaos.environments.local.toxiproxy import Toxiproxy
    from chaos.shipped import find_environment
    from chaos.spec import load_environment

    return Toxiproxy(None if place.bundled else load_environment(find_environment(place.environment), Catalog()))


def last_event(place: Place, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a short launcher command and return what it says last."""
    return list(events(place, arguments))[-1]


def events(place: Place, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run a launcher command and yield what it says. Raises ChaosError when it fails."""
    from chaos.model.errors import ActionFailed

    full = command(place, arguments)
    last: dict[str, Any] = {}
    with subprocess.Popen(full, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as launcher:
        assert launcher.stdout is not None, "asked for above"
        for line in launcher.stdout:
            last = json.loads(line)
            if last["event"] == "error":
                raise error(place, last)
            yield last
    if not last or launcher.returncode not in (0, 3):
        raise ActionFailed(
            f"`{' '.join(full[1:4])}` ended with exit code {launcher.returncode} and did not say why",
            f"see {place.home / 'logs' / 'launcher.log'}",
        )


def command(place: Place, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "target_platform.launcher", *arguments, "--home", str(place.home)]


def error(place: Place, event: dict[str, Any]) -> Exception:
    """The launcher's error as the toolkit's."""
    from chaos.model.errors import ActionFailed, BadInput, Refused

    kinds = {"bad input": BadInput, "refused": Refused, "failed": ActionFailed}
    return kinds[event["kind"]](event["message"], place.hint(event["hint"]))
