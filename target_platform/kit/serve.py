"""Runs one instance in this process until SIGTERM.

`python -m target_platform.kit.serve CONFIG.json [--service MODULE:NAME]` does the same from a file that holds an
InstanceConfig as JSON.

Everything that starts a thread, a loop or a socket happens inside run(): a launcher may import this once and fork.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import uvicorn
import uvloop

from target_platform.kit.access_log import AccessLog
from target_platform.kit.config import InstanceConfig
from target_platform.kit.errors import PolicyError
from target_platform.kit.front import Front
from target_platform.kit.health import Health
from target_platform.kit.policy import read_policies
from target_platform.kit.sendfile import SendingFiles
from target_platform.kit.service import Instance, Service, application
from target_platform.kit.shedding import Shedding
from target_platform.kit.writable import Writable

GRACE_SECONDS = 0.7
"""How long requests under way may take when the instance is told to stop; with the rest it ends within 1 s."""

DRAIN_LOOK_SECONDS = 0.005
KEEP_ALIVE_SECONDS = 30

BUNDLED = "target_platform.services.{service}:SERVICE"


def run(service: Service, config: InstanceConfig) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way and return.

    Ends the process with a sentence when the policies cannot be read or the port is taken.
    """
    random.seed()  # forked siblings would otherwise draw the same pauses and retry in step
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_told(service, config))
    except (PolicyError, OSError) as error:
        raise SystemExit(f"{config.name} cannot start: {error}") from error


@asynccontextmanager
async def running(service: Service, config: InstanceConfig) -> AsyncIterator[Instance]:
    """Serve inside this event loop for as long as the block lasts. Port 0 takes a free one, see `Instance.config`.

    Raises PolicyError, and OSError when the port cannot be had.
    """
    policies = read_policies(Path(config.policies_file))
    with _listen(config) as listener, closing(AccessLog(access_log_path(config))) as access_log:
        instance = Instance(service, msgspec.structs.replace(config, port=listener.getsockname()[1]), policies)
        health = Health(instance.metrics)
        try:
            shedding = Shedding(policies.shedding.of(service.name), instance.metrics)
            front = Front(application(instance), health, shedding, instance.metrics, access_log)
            async with _listening(front, listener, policies.shedding.stalled_seconds):
                health.ready = True
                yield instance
                health.ready = False
        finally:
            await instance.close()


def access_log_path(config: InstanceConfig) -> Path:
    """LOG_DIR/NAME.access.jsonl, with the last part of an instance's name as NAME: a region has a folder of its own."""
    return Path(config.log_dir) / f"{config.name.rpartition('/')[2]}.access.jsonl"


async def _serve_until_told(service: Service, config: InstanceConfig) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with running(service, config):
        gc.collect()
        gc.freeze()  # what lives now lives to the end: no collection need look at it again
        await told.wait()


@asynccontextmanager
async def _listening(app: Front, listener: socket.socket, stalled_seconds: float) -> AsyncIterator[None]:
    """uvicorn, step by step: as a whole it would take the signals, and end the process before all is closed."""
    writable = Writable()
    config = _server_config(app, partial(SendingFiles, writable, stalled_seconds))
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    await server.on_tick(0)  # and never again: its own loop wakes up ten times a second, also when nobody asks
    try:
        yield
    finally:
        await _drain(server)
        await _cut_off(server)
        writable.close()


async def _drain(server: uvicorn.Server) -> None:
    """Take no more, and let what is under way end; as uvicorn's shutdown does, without its pauses of 0.1 s."""
    for listening in server.servers:
        listening.close()
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await asyncio.sleep(DRAIN_LOOK_SECONDS)  # who was accepted in the last moment is listed a moment later
            while server.server_state.connections:
                for connection in list(server.server_state.connections):
                    connection.shutdown()
                await asyncio.sleep(DRAIN_LOOK_SECONDS)
    except TimeoutError:
        pass  # some were not finished in time, and are cut off


async def _cut_off(server: uvicorn.Server) -> None:
    requests = list(server.server_state.tasks)
    for task in requests:
        task.cancel()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await asyncio.gather(*requests, return_exceptions=True)
    await asyncio.sleep(0)  # aborted connections are closed by the loop's next round


def _server_config(app: Front, protocol: Callable[..., SendingFiles]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast(type[SendingFiles], protocol),  # uvicorn only calls it
        ws="none",
        lifespan="off",
        loop="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=False,  # it would be that of the only tick
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _listen(config: InstanceConfig) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT of a predecessor is no reason to wait
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise OSError(f"port {config.port} cannot be listened on: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs one instance of a service.")
    parser.add_argument("config", type=Path, help="an InstanceConfig as JSON")
    parser.add_argument("--service", metavar="MODULE:NAME", help="where the service is declared, if it is not bundled")
    arguments = parser.parse_args()
    try:
        config = msgspec.json.decode(arguments.config.read_bytes(), type=InstanceConfig)
    except (OSError, msgspec.DecodeError) as error:
        parser.error(f"{arguments.config} cannot be read: {error}")
    module, _, name = (arguments.service or BUNDLED.format(service=config.service)).partition(":")
    sys.path.insert(0, "")
    try:
        service = getattr(importlib.import_module(module), name or "SERVICE")
    except (ImportError, AttributeError) as error:
        parser.error(f"the service {config.service} cannot be loaded: {error}")
    run(service, config)


if __name__ == "__main__":
    main()
