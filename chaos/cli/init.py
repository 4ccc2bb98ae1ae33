"""chaos init: a first environment file and a first experiment for processes of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chaos.starter import Answers, Calls, Service

DEFAULT_PORT = 8000


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are written.")] = Path(),
    command: Annotated[
        list[str] | None, typer.Option(help="What starts it, e.g. 'python app.py {port}'; repeat for more services.")
    ] = None,
    port: Annotated[list[int] | None, typer.Option(help="The port it listens on, one for each command.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="What it is called, one for each command.")] = None,
    health: Annotated[
        list[str] | None, typer.Option(help="A path that answers 2xx when it can serve, or none; one for each command.")
    ] = None,
    calls: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CALLER:SERVICE:VARIABLE[=VALUE]",
            help="Who calls whom, and in which environment variable the address is; VALUE may hold {address}.",
        ),
    ] = None,
) -> None:
    """Write a first environment file and a first experiment for your own processes; nothing is overwritten.

    Asks for what it needs to know, or takes it from the options. Exit code: 0 written, 2 not.
    """
    from chaos import starter

    answers = _from_options(command, port or [], name or [], health or [], calls or []) if command else _asked()
    environment, experiment = starter.write(directory, answers)
    print(f"wrote {environment}\nwrote {experiment}\n\nnext:")
    print(f"  chaos platform up --environment {environment}")
    print(f"  chaos run {experiment} --environment {environment}")
    print(f"  chaos platform down --environment {environment}")


def _from_options(
    commands: list[str], ports: list[int], names: list[str], healths: list[str], calls: list[str]
) -> Answers:
    """The nth port, name and health belong to the nth command."""
    from chaos.model.errors import BadInput
    from chaos.starter import Answers, Service

    for option, given in (("--port", ports), ("--name", names), ("--health", healths)):
        if len(given) != len(commands) and (given or len(commands) > 1 or option == "--port"):
            raise BadInput(
                f"{len(commands)} --command and {len(given)} {option}: each command needs its own",
                "repeat all of them in the same order; `--health none` for what does not speak HTTP",
            )
    names = names or ["app"]
    healths = healths or ["none"]
    services = zip(names, commands, ports, healths, strict=True)
    return Answers(tuple(Service(*each) for each in services), tuple(_call(text) for text in calls))


def _call(text: str) -> Calls:
    from chaos.model.errors import BadInput
    from chaos.starter import Calls

    names, _, value = text.partition("=")
    parts = names.split(":")
    if len(parts) != 3 or not all(parts):
        hint = "e.g. --calls shop:store:STORE_URL, or --calls 'shop:store:DATABASE=postgres://{address}/shop'"
        raise BadInput(f"--calls {text} is not CALLER:SERVICE:VARIABLE", hint)
    caller, service, variable = parts
    return Calls(caller, service, variable, value)


def _asked() -> Answers:
    from chaos.model.errors import BadInput
    from chaos.starter import Answers

    if not sys.stdin.isatty():
        raise BadInput(
            "nobody can be asked: the input is no terminal",
            "say it by options, e.g. chaos init --name web --command 'python app.py {port}' --port 8000 --health /",
        )
    print("Which processes make up your system? Write {port} in a command where the port goes.")
    services = [_asked_service(1)]
    while typer.confirm("Is there another one?", default=False):
        services.append(_asked_service(len(services) + 1))
    calls: list[Calls] = []
    for caller in services if len(services) > 1 else ():
        calls += _asked_calls(caller, [each for each in services if each is not caller])
    return Answers(tuple(services), tuple(calls))


def _asked_service(number: int) -> Service:
    from chaos.starter import Service

    return Service(
        name=typer.prompt("Name of the service", default="app" if number == 1 else f"app{number}"),
        command=typer.prompt("Command that starts it"),
        port=typer.prompt("Port it listens on", default=DEFAULT_PORT + number - 1, type=int),
        health=typer.prompt("Path that answers 2xx when it can serve (or none)", default="/"),
    )


def _asked_calls(caller: Service, others: list[Service]) -> list[Calls]:
    from chaos.starter import Calls

    found = []
    for other in others:
        if typer.confirm(f"Does {caller.name} call {other.name}?", default=False):
            question = f"In which environment variable does {caller.name} read the address of {other.name}?"
            found.append(Calls(caller.name, other.name, typer.prompt(question, default=f"{other.name.upper()}_URL")))
    return found
