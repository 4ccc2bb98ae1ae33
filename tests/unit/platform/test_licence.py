"""Licences: the same key everywhere, for who has a session, for a while; and from the other region when need be."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from target_platform.kit.claims import Claims
from target_platform.kit.policy import parse_policies
from target_platform.kit.tokens import Tokens
from target_platform.viewers import fetch as viewers
from target_platform.viewers.licences import Wallet
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Answer, Platform, patient, proven, signed_in, visit

HERE, THERE = "here/gateway-1", "there/gateway-1"
LIMITS = ("here/origin-1", "here/catalog-1")
"""Who knows where a title may be watched: before a gateway has asked it gives no licence."""
BOTH = (*LIMITS, "here/licence-1", "there/licence-1", HERE, THERE)


ANN = "ann@here"
TELEVISION = Claims(ANN, "", "tv").subject


async def licence(made: Platform, gateway: str = HERE, title: str = "split-brain", **other: Any) -> Answer:
    """What Ann's television gets, with what is `other` than usual in its wish."""
    wanted = {"title": title, **proven(f"licence {title}", ANN, "tv"), **other}
    return await made.ask(gateway, "/licence", "POST", json=wanted, headers=signed_in(ANN, "", "tv"))


async def check(made: Platform, signature: str, device: str = "tv", at: float | None = None) -> Answer:
    """Whether it is still good, as a device of Ann's asks."""
    kept = {"licence": signature, **proven(f"check {signature}", ANN, device, at)}
    return await made.ask(HERE, "/licence/check", "POST", json=kept, headers=signed_in(ANN, "", device))


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
        said = Tokens("secret").user(signature, "licence")
        assert said is not None
        assert json.loads(said) == {"user": ANN, "title": "split-brain", "device": "tv", "type": "temporary"}
        assert Tokens("another secret").user(signature, "licence") is None

    visit(tmp_path, BOTH, play)


def test_a_licence_names_the_device_and_how_long_it_plays_by_the_servers_own_clock(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        said = (await licence(made)).json
        assert (said["device"], said["stored_until"]) == ("tv", 0)
        assert said["expires_at"] - said["issued_at"] == 600

    visit(tmp_path, BOTH, play)


def test_a_strangers_device_gets_nothing(tmp_path: Path) -> None:
    """Not with a session that was picked up somewhere, nor with a device's name, nor with what another one signed."""

    async def play(made: Platform) -> None:
        strangers = (
            {"proof": "", "asked_at": 0},
            proven("licence split-brain", ANN, "phone"),
            proven("licence split-brain", "bob@here", "tv"),
            proven("licence another", ANN, "tv"),
            {"proof": "é"},
        )
        for wish in strangers:
            answer = await licence(made, **wish)
            assert answer.status == 403
            assert "not signed by the device tv" in answer.json["error"]
            assert "keys" not in answer.json
        shown = b"".join([(await made.ask(f"{region}/licence-1", "/metrics")).body for region in ("here", "there")])
        assert b'licence_refusals_total{why="device"} ' in shown

    visit(tmp_path, BOTH, play)


def test_a_session_without_a_device_gets_no_licence(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        wanted = {"title": "split-brain", **proven("licence split-brain", ANN, "")}
        answer = await made.ask(HERE, "/licence", "POST", json=wanted, headers=signed_in(ANN))
        assert answer.status == 403
        assert "names no device" in answer.json["error"]

    visit(tmp_path, BOTH, play)


@pytest.mark.parametrize("off_seconds", [-300, 300])
def test_a_clock_that_is_five_minutes_off_does_not_matter(tmp_path: Path, off_seconds: int) -> None:
    async def play(made: Platform) -> None:
        wish = proven("licence split-brain", ANN, "tv", time.time() + off_seconds)
        assert (await licence(made, **wish)).status == 200

    visit(tmp_path, BOTH, play)


@pytest.mark.parametrize(("off_seconds", "said"), [(-3600, "1 h"), (3600 + 50, "1 h ahead")])
def test_a_clock_that_is_further_off_is_refused_and_told_so(tmp_path: Path, off_seconds: int, said: str) -> None:
    async def play(made: Platform) -> None:
        wish = proven("licence split-brain", ANN, "tv", time.time() + off_seconds)
        answer = await licence(made, **wish)
        assert answer.status == 403
        assert said in answer.json["error"]
        assert "up to 5 min 30 s are allowed: set it right" in answer.json["error"]

    visit(tmp_path, BOTH, play)


def test_a_stored_licence_plays_two_days_without_asking_and_a_week_if_it_asks(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        stored = (await licence(made, type="persistent-license")).json
        assert stored["type"] == "persistent-license"
        assert stored["expires_at"] - stored["issued_at"] == 2 * 86_400
        assert stored["stored_until"] - stored["issued_at"] == 7 * 86_400
        good = await check(made, stored["signature"])
        assert (good.status, good.json["title"]) == (200, "split-brain")
        assert good.json["stored_until"] == stored["stored_until"]
        assert 0 <= good.json["expires_at"] - stored["expires_at"] <= 30, "two days from now on"

    visit(tmp_path, BOTH, play)


@pytest.mark.parametrize(("weakened", "plays_on"), [((), True), (("no-offline-grace",), False)])
def test_a_player_goes_on_without_licence_servers_unless_what_it_has_stored_has_no_grace(
    tmp_path: Path, weakened: tuple[str, ...], plays_on: bool
) -> None:
    async def play(made: Platform) -> None:
        wallet, given = Wallet(), await licence(made, type="persistent-license")
        wallet.keep("split-brain", viewers.Answer(given.status, given.body))
        assert wallet.may_play("split-brain") == plays_on
        temporary = (await licence(made)).json
        assert temporary["expires_at"] - temporary["issued_at"] == 600, "it has nothing to do with grace"

    (tmp_path / "policies.yaml").write_text(patient(effective_policies(weakened)))
    visit(tmp_path, BOTH, play)


def test_asking_whether_a_stored_licence_is_good_needs_nothing_signed(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signature = Tokens("secret").issue(stated("persistent-license"), "licence", 60)
        assert (await check(made, signature)).status == 200

    (tmp_path / "policies.yaml").write_text(BUSY_FOR_EVER)
    visit(tmp_path, (*LIMITS, SERVER, HERE), play)


def stated(kind: str) -> str:
    return json.dumps({"user": ANN, "title": "split-brain", "device": "tv", "type": kind})


@pytest.mark.parametrize("kind", ["temporary", "persistent-license"])
def test_an_expired_licence_is_refused_with_a_sentence(tmp_path: Path, kind: str) -> None:
    async def play(made: Platform) -> None:
        answer = await check(made, Tokens("secret").issue(stated(kind), "licence", -3600))
        assert answer.status == 403
        assert answer.json["error"] == "the licence for split-brain ended 1 h ago: ask for a new one"

    visit(tmp_path, BOTH, play)


def test_a_stored_licence_does_not_play_on_beyond_its_end_however_often_it_asks(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signature = Tokens("secret").issue(stated("persistent-license"), "licence", 100)
        good = (await check(made, signature)).json
        assert good["expires_at"] == good["stored_until"]

    visit(tmp_path, BOTH, play)


def test_a_licence_of_another_device_or_one_that_was_changed_is_none(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        signature = (await licence(made)).json["signature"]
        assert (await check(made, signature)).status == 200
        assert "for another device than phone" in (await check(made, signature, "phone")).json["error"]
        assert "was not issued here" in (await check(made, signature[:-1] + "x")).json["error"]

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

    visit(tmp_path, (*LIMITS, "there/licence-1", HERE), play)


def test_the_licence_server_itself_asks_for_a_session_too(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        for session in ("", "x", Tokens("key").issue(TELEVISION, "renewal", 60)):
            wanted = {"title": "split-brain", "session": session, **proven("licence split-brain", ANN, "tv")}
            assert (await made.ask("here/licence-1", "/licence", "POST", json=wanted)).status == 401

    visit(tmp_path, ("here/licence-1",), play)


SERVER = "here/licence-1"
BUSY_FOR_EVER = "licences: {signing_ms: 10000, signing: {concurrent: 1, queue: 1}}"


async def asks_the_server(made: Platform, **headers: str) -> Answer:
    session = Tokens("key").issue(TELEVISION, "session", 60)
    wanted = {"title": "split-brain", "session": session, **proven("licence split-brain", ANN, "tv")}
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
