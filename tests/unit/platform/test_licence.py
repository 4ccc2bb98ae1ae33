"""Licences: the same key everywhere, for who has a session, for a while; and from the other region when need be."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode
from pathlib import Path

import yaml

from target_platform.kit.policy import parse_policies
from target_platform.kit.tokens import Tokens
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Answer, Platform, signed_in, visit

HERE, THERE = "here/gateway-1", "there/gateway-1"
BOTH = ("here/licence-1", "there/licence-1", HERE, THERE)


async def licence(made: Platform, gateway: str = HERE, title: str = "split-brain") -> Answer:
    return await made.ask(gateway, "/licence", "POST", json={"title": title}, headers=signed_in("ann@here"))


def test_a_licence_is_what_clearkey_reads_and_ends_soon(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        before = time.time()
        said = (await licence(made)).json
        [key] = said["keys"]
        assert (said["type"], key["kty"]) == ("temporary", "oct")
        assert [len(urlsafe_b64decode(key[name] + "==")) for name in ("kid", "k")] == [16, 16]
        valid_seconds = parse_policies(effective_policies()).licences.valid_seconds
        assert before - 1 <= said["expires_at"] - valid_seconds <= time.time(), "whole seconds"
        assert valid_seconds <= 3600

    visit(tmp_path, BOTH, play)


def test_it_is_signed_for_one_viewer_and_one_title(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signature = (await licence(made)).json["signature"]
        assert Tokens("secret").user(signature, "licence") == "ann@here split-brain"
        assert Tokens("another secret").user(signature, "licence") is None

    visit(tmp_path, BOTH, play)


def test_the_key_of_a_title_is_the_same_in_both_regions_and_no_other_titles(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        here, there = await licence(made), await licence(made, THERE)
        assert (here.json["region"], there.json["region"]) == ("here", "there")
        assert here.json["keys"] == there.json["keys"]
        assert (await licence(made, title="another")).json["keys"] != here.json["keys"]

    visit(tmp_path, BOTH, play)


def test_without_licence_servers_of_its_own_a_region_gets_them_from_the_other(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await licence(made)).json["region"] == "there"

    visit(tmp_path, ("there/licence-1", HERE), play)


def test_the_licence_server_itself_asks_for_a_session_too(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        for session in ("", "x", Tokens("key").issue("ann@here", "renewal", 60)):
            wanted = {"title": "split-brain", "session": session}
            assert (await made.ask("here/licence-1", "/licence", "POST", json=wanted)).status == 401

    visit(tmp_path, ("here/licence-1",), play)


SERVER = "here/licence-1"
BUSY_FOR_EVER = "licences: {signing_ms: 10000, signing: {concurrent: 1, queue: 1}}"


async def asks_the_server(made: Platform, **headers: str) -> Answer:
    wanted = {"title": "split-brain", "session": Tokens("key").issue("ann@here", "session", 60)}
    return await made.ask(SERVER, "/licence", "POST", json=wanted, headers=headers)


async def until_there_wait(made: Platform, number: int) -> None:
    shown = f'bulkhead_waiting{{target="signing"}} {float(number)}'.encode()
    while shown not in (await made.ask(SERVER, "/metrics")).body:
        pass


def test_beyond_the_devices_queue_a_licence_is_refused_at_once_and_it_is_no_failure(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        waiting = [asyncio.create_task(asks_the_server(made)) for _ in range(2)]
        await until_there_wait(made, 1)
        refused = await asks_the_server(made)
        assert (refused.status, refused.headers["X-Shed"]) == (503, "signing")
        for each in waiting:
            each.cancel()

    (tmp_path / "policies.yaml").write_text(BUSY_FOR_EVER)
    visit(tmp_path, (SERVER,), play)


def test_who_does_not_wait_any_more_leaves_the_devices_queue(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signed = asyncio.create_task(asks_the_server(made))
        while "requests_under_way 1.0" not in (await made.ask(SERVER, "/metrics")).body.decode():
            pass
        assert (await asks_the_server(made, **{"X-Deadline-Ms": "100"})).headers["X-Shed"] == "signing"
        await until_there_wait(made, 0)
        signed.cancel()

    (tmp_path / "policies.yaml").write_text(BUSY_FOR_EVER)
    visit(tmp_path, (SERVER,), play)


def test_in_an_endless_queue_who_has_gone_goes_on_waiting(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signed = [asyncio.create_task(asks_the_server(made, **{"X-Deadline-Ms": "100"})) for _ in range(3)]
        await until_there_wait(made, 2)
        await asyncio.sleep(0.15)
        await until_there_wait(made, 2)
        for each in signed:
            each.cancel()

    weakened = yaml.safe_load(effective_policies(["unbounded-queue"]))
    weakened["licences"]["signing_ms"] = 10000
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump(weakened))
    visit(tmp_path, (SERVER,), play)
