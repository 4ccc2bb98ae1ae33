"""The fault proxy as a process: one thread carries bytes, the main one answers the API."""

from __future__ import annotations

import asyncio
import copy
import resource
import signal
import sys
from functools import partial
from pathlib import Path
from random import Random

from msgspec import Struct

from chaos.model.errors import BadInput
from chaos.proxy import files
from chaos.proxy.address import is_loopback, join
from chaos.proxy.api import Api
from chaos.proxy.body import ApiError
from chaos.proxy.config import ProxyConfig
from chaos.proxy.http import listen
from chaos.proxy.loop import Loop
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxies import Proxies, resolve
from chaos.proxy.proxy import Proxy
from chaos.proxy.proxy_request import Wanted
from chaos.proxy.toxics import Runtime

_DESCRIPTORS = 65_536
"""Enough for 30,000 connections."""


class Options(Struct, frozen=True, kw_only=True):
    """As `chaos proxy serve` takes them."""

    port: int
    host: str = "127.0.0.1"
    config: Path | None = None
    state: Path | None = None
    token_file: Path | None = None
    seed: int | None = None
    proxy_metrics: bool = False
    runtime_metrics: bool = False


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises BadInput when that cannot begin."""
    token = _token(options.token_file)
    if not token and not is_loopback(options.host):
        said = f"whoever reaches {options.host}:{options.port} can break what passes here: give it a --token-file"
        print(f"proxy: {said}", file=sys.stderr)
    wanted = _first(options)
    _raise_descriptor_limit()
    asyncio.run(_serve(options, wanted, token))


async def _serve(options: Options, wanted: list[Wanted], token: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    loop = Loop()
    metrics = Metrics(options.proxy_metrics, options.runtime_metrics)
    proxies = Proxies(partial(_make, Runtime(loop, Random()), options.seed), metrics.ended)
    keep = partial(files.keep_state, options.state) if options.state else _forget
    api = Api(proxies, loop, metrics=metrics, token=token, keep=keep)
    loop.start()
    try:
        for each in wanted:
            _open(loop, proxies, each)
        # Last, so that whoever finds the API answering finds every proxy open.
        listening = await listen(api.answer, options.host, options.port)
        print(f"proxy: Toxiproxy's API at {_url(options.host, listening)}, proxies: {len(wanted)}", flush=True)
        await ended.wait()
        listening.close()
    finally:
        loop.ask(proxies.close)
        loop.stop()


def _url(host: str, listening: asyncio.Server) -> str:
    return f"http://{join(host, listening.sockets[0].getsockname()[1])}"


def _first(options: Options) -> list[Wanted]:
    """What a kept state holds, and else the configuration."""
    kept = files.load_state(options.state) if options.state else None
    if kept is None:
        return files.load_config(options.config) if options.config else []
    if options.config:
        print(f"proxy: goes on with {options.state}; {options.config} is for the first start", file=sys.stderr)
    return kept


def _open(loop: Loop, proxies: Proxies, wanted: Wanted) -> None:
    try:
        loop.ask(partial(proxies.create, resolve(wanted)))
    except ApiError as error:
        reason = error.text.replace("bind: address already in use", "the port is in use")
        raise BadInput(f"proxy {wanted.name} cannot be opened: {reason}") from error


def _make(runtime: Runtime, seed: int | None, config: ProxyConfig) -> Proxy:
    """Each proxy draws for itself: what happens on one does not change what another draws."""
    own = copy.copy(runtime)
    own.random = Random(None if seed is None else f"{seed} {config.name}")
    return Proxy(config, own)


def _forget(shapes: list[dict[str, object]]) -> None:
    """There is no state file."""


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise BadInput(f"cannot read the token in {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"the token in {file} is no text") from error
    if not token or not token.isascii() or len(token.split()) > 1:
        raise BadInput(f"{file} holds no token", "one word of ASCII letters, e.g. from `openssl rand -hex 32`")
    return token


def _raise_descriptor_limit() -> None:
    """Each connection takes two descriptors, and many systems start a process with 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, max(most, _DESCRIPTORS)))
    except (OSError, ValueError):  # only who has privileges may raise the upper limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
