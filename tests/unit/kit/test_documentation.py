"""The example in docs/explanation/kit.md, run as it stands there."""

from __future__ import annotations

import asyncio
import importlib
import re
from pathlib import Path

import aiohttp
import msgspec
import pytest

from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.serve import running
from tests.unit.kit.stage import Instance

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "kit.md"


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def test_the_example_greets_and_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greeter.py").write_text(block("python"))
    (tmp_path / "policies.yaml").write_text(block("yaml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    service = importlib.import_module("greeter").SERVICE
    config = msgspec.json.decode(block("json"), type=InstanceConfig)

    async def greeting(names: Endpoint) -> bytes:
        here = msgspec.structs.replace(config, port=0, endpoints={"names": (names,)})
        async with (
            aiohttp.ClientSession() as session,
            running(service, here) as greeter,
            session.get(f"http://127.0.0.1:{greeter.config.port}/greet") as answer,
        ):
            return await answer.read()

    async def both() -> tuple[bytes, bytes]:
        names = Instance("here/names-1", "here", "ok")
        await names.start()
        try:
            well = await greeting(names.endpoint)
        finally:
            await names.stop()
        return well, await greeting(names.endpoint)

    well, sick = asyncio.run(both())
    assert well == b'{"hello":"here/names-1","known":true}'
    assert sick == b'{"hello":"stranger","known":false}'
