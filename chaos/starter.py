"""A first environment file and a first experiment for somebody's own processes, from a few answers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.catalog import Catalog
from chaos.model.errors import BadInput
from chaos.spec import read_experiment
from chaos.spec.environment import read_environment

ENVIRONMENT, EXPERIMENT = "environment.yaml", "first-experiment.yaml"


@dataclass(frozen=True)
class Service:
    """One process to start. `health` is a path, or "none" for one that does not speak HTTP."""

    name: str
    command: str
    port: int
    health: str = "none"


@dataclass(frozen=True)
class Calls:
    """`caller` finds `service` at the address that is in the environment variable `variable`.

    `value` is how the address is written there, when it is not just http://HOST:PORT.
    """

    caller: str
    service: str
    variable: str
    value: str = ""


@dataclass(frozen=True)
class Answers:
    services: tuple[Service, ...]
    calls: tuple[Calls, ...] = ()


def write(folder: Path, answers: Answers) -> tuple[Path, Path]:
    """Write both files. Raises BadInput when one is there already, or when the answers make no usable file."""
    files = (folder / ENVIRONMENT, folder / EXPERIMENT)
    for file in files:
        if file.exists():
            raise BadInput(f"{file} is there already, and is not overwritten", "give another directory: chaos init DIR")
    texts = (_environment(folder, answers), _experiment(answers))
    read_environment(texts[0], str(files[0]), Catalog())
    read_experiment(texts[1], str(files[1]), Catalog())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in zip(files, texts, strict=True):
            with file.open("x") as new:
                new.write(text)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written: {error.strerror}", "give another directory") from error
    return files


def _environment(folder: Path, answers: Answers) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.absolute().name).strip("-._")[:63] or "mine"
    directory = os.path.relpath(Path.cwd(), folder.absolute())
    blocks = [_process(service, directory, answers.calls) for service in answers.services]
    return f"""\
# What runs, and how. `chaos platform up --environment {ENVIRONMENT}` starts it.
apiVersion: chaos/v1
kind: Environment
name: {name}
type: local
# Faults are allowed here: only what is started from this file can be hit.
armed: true
settings:
  processes:
{"".join(blocks)}"""


def _process(service: Service, directory: str, calls: Sequence[Calls]) -> str:
    lines = [
        f"    - name: {json.dumps(service.name)}",
        f"      command: {json.dumps(service.command)}",
        f"      port: {service.port}  # stands for {{port}} in the command, and is in the variable PORT as well",
        "      # replicas: 2  # several of it, on the ports from there on",
        f"      health: {json.dumps(service.health)}"
        + ("" if service.health == "none" else "  # 2xx when it can serve"),
    ]
    if directory != ".":
        lines.append(f"      directory: {json.dumps(directory)}  # where the command runs, from this file")
    mine = [call for call in calls if call.caller == service.name]
    if mine:
        lines += [
            "      # The address in the variable is that of a proxy: what passes it can be slowed down or cut.",
            "      calls:",
        ]
        lines += [_call(call) for call in mine]
    return "\n".join(lines) + "\n"


def _call(call: Calls) -> str:
    value = f", value: {json.dumps(call.value)}" if call.value else ""
    return f"        - {{service: {json.dumps(call.service)}, variable: {json.dumps(call.variable)}{value}}}"


def _experiment(answers: Answers) -> str:
    """The question that says most: a slow dependency if there is one to slow down, else a death."""
    speaking = {service.name: service for service in answers.services if service.health != "none"}
    around = {"head": _HEAD, "environment": ENVIRONMENT, "file": EXPERIMENT}
    for call in answers.calls:
        if call.caller in speaking:
            path = json.dumps(speaking[call.caller].health)
            return _SLOW.format(caller=call.caller, service=call.service, path=path, **around)
    first = answers.services[0]
    name = json.dumps(first.name)
    if first.health == "none":
        probe = f"{{process_alive: {{service: {name}, every: 100ms}}}}"
    else:
        probe = f"{{http: {{service: {name}, path: {json.dumps(first.health)}, timeout: 1s, every: 100ms}}}}"
    return _DEAD.format(name=first.name, probe=probe, **around)


_HEAD = """\
# A first question to your system. Every line may be changed; `chaos validate` says what is wrong with one.
# chaos catalog faults     what can be broken         chaos catalog probes    what can be measured
"""

_SLOW = """\
{head}# chaos run {file} --environment {environment}
apiVersion: chaos/v1
kind: Experiment
name: slow-{service}
hypothesis: While {service} answers two seconds late, {caller} still answers within one.

steadyState:
  - name: {caller} answers
    # Ask for something that needs {service}: a path that does without it is never in danger.
    probe: {{http: {{service: "{caller}", path: {path}, timeout: 1s, every: 100ms}}}}
    target: ">= 95%"
    window: fault # judged while the fault is on, so that the calm before cannot make up for it
    minSamples: 5

method:
  - wait: 2s
  - name: {service} answers late
    fault: {{latency: {{delay: 2s}}}}
    target: {{link: {{from: "{caller}", to: "{service}"}}, amount: all}}
    duration: 10s
recovery: 3s

limits: {{maxDuration: 2m}} # whatever else is written above
"""

_DEAD = """\
{head}# chaos run {file} --environment {environment}
apiVersion: chaos/v1
kind: Experiment
name: dead-{name}
hypothesis: When {name} is killed, it comes back and serves again within a few seconds.

steadyState:
  - name: {name} serves
    probe: {probe}
    target: ">= 70%" # of the ten seconds after it was let go; how long does it take to start?
    window: after
    minSamples: 50

method:
  - wait: 2s
  - name: {name} dies
    fault: kill
    target: {{instance: {{service: "{name}"}}}}
    duration: 5s
recovery: 10s

limits: {{maxDuration: 2m}} # whatever else is written above
"""
