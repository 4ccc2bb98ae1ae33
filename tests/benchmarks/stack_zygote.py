"""A zygote that has imported what the platform's services import, and forks a one-route starlette service."""

from __future__ import annotations

import importlib
from typing import Any

from target_platform.launcher.zygote import main

STACK = (
    "aiohttp",
    "msgspec",
    "prometheus_client",
    "pybreaker",
    "starlette.applications",
    "tenacity",
    "uvicorn",
    "uvloop",
)


def import_stack() -> None:
    for module in (*STACK, "httptools", "uvicorn.protocols.http.httptools_impl", "uvicorn.loops.uvloop"):
        importlib.import_module(module)


def serve(service: str, config: dict[str, Any]) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def ready(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ready")

    app = Starlette(routes=[Route("/readyz", ready)])
    uvicorn.run(app, host="127.0.0.1", port=config["port"], log_level="warning", access_log=False)


if __name__ == "__main__":
    main(prepare=import_stack, serve=serve)
