"""`python -m chaos.proxy serve --api-port N [--api-host HOST] [--seed N] --config FILE`."""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import sys
from functools import partial
from pathlib import Path
from random import Random

from chaos.model.errors import ChaosError
from chaos.proxy.api import Api
from chaos.proxy.config import Config, load_config
from chaos.proxy.http import listen
from chaos.proxy.loop import Loop
from chaos.proxy.server import Server
from chaos.proxy.toxics import Runtime

_DESCRIPTORS = 65_536
"""Enough for 30,000 connections."""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Exit code 2, after one sentence on stderr, when that cannot begin."""
    options = _parse(arguments)
    try:
        config = load_config(options.config)
        _raise_descriptor_limit()
        asyncio.run(_serve(options, config))
    except ChaosError as error:
        print(f"proxy: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


async def _serve(options: argparse.Namespace, config: Config) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    loop = Loop()
    loop.start()
    server = Server(Runtime(loop, Random(options.seed)))
    api = Api(server.proxies)
    try:
        for proxy in config.proxies:
            loop.ask(partial(server.add, proxy))
        # Last, so that whoever finds the API answering finds every link open.
        listening = await listen(
            lambda request: loop.ask(lambda: api.answer(request)), options.api_host, options.api_port
        )
        await ended.wait()
        listening.close()
    finally:
        loop.ask(server.close)
        loop.stop()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos.proxy", description=sys.modules["chaos.proxy"].__doc__)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", help="carry links until stopped")
    serve.add_argument("--api-port", type=int, required=True)
    serve.add_argument("--api-host", default="127.0.0.1")
    serve.add_argument("--config", type=Path, required=True, help='{"proxies": [{"name", "listen", "upstream"}]}')
    serve.add_argument("--seed", type=int, default=None, help="makes jitter and toxicity repeatable")
    return parser.parse_args(arguments)


def _raise_descriptor_limit() -> None:
    """Each connection takes two descriptors, and many systems start a process with 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, max(most, _DESCRIPTORS)))
    except (OSError, ValueError):  # only who has privileges may raise the upper limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
