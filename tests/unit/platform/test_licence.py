"""Licences: the same key everywhere, for who has a session, for a while; and from the other region when need be."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from pathlib import Path

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
