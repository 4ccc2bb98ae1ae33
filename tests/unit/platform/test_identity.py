"""Accounts and sessions: who gets in where, and what a lost region, a storm and a broken store do to it."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher

from target_platform.kit.claims import Claims, claims_of
from target_platform.kit.device import device_key
from target_platform.kit.tokens import TokenKind, Tokens
from target_platform.services import identity
from target_platform.stores.accounts import Account, SqliteAccounts
from tests.unit.platform.stage import SESSION_KEY, Answer, Platform, visit

HERE, THERE = "here/gateway-1", "there/gateway-1"
BOTH = ("here/identity-1", "there/identity-1", HERE, THERE)
PASSWORD = "correct horse"
REAL = identity.HASHER


class SlowHasher(PasswordHasher):
    """Checks no password before it is told to go on."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go_on = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.go_on.wait(10)
        return super().verify(hash, password)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 ms a password are right for viewers; here they would only make tests slow."""
    monkeypatch.setattr(identity, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHasher]:
    hasher = SlowHasher()
    monkeypatch.setattr(identity, "HASHER", hasher)
    yield hasher
    hasher.go_on.set()


async def sign_up(made: Platform, gateway: str = HERE, name: str = "ann", password: str = PASSWORD) -> Answer:
    return await made.ask(gateway, "/sign-up", "POST", json={"user": name, "password": password})


async def session(made: Platform, gateway: str = HERE, **body: Any) -> Answer:
    return await made.ask(gateway, "/session", "POST", json=body)


async def is_in(made: Platform, gateway: str, token: str) -> bool:
    return (await made.ask(gateway, "/home", headers={"Authorization": f"Bearer {token}"})).status == 200


def test_who_signs_up_is_in_at_once_and_can_sign_in_again(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        new = await sign_up(made)
        assert (new.status, new.json["user"]) == (201, "ann@here")
        assert await is_in(made, HERE, new.json["token"])
        again = await session(made, user="ann@here", password=PASSWORD)
        assert again.status == 200
        assert await is_in(made, HERE, again.json["token"])

    visit(tmp_path, BOTH, play)


def test_a_password_costs_what_owasp_recommends() -> None:
    assert REAL.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert identity.NOBODY.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_sign_up_may_be_repeated_but_nobody_elses_name_can_be_had(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert [(await sign_up(made)).status for _ in range(2)] == [201, 201]
        assert (await sign_up(made, password="another one")).status == 409
        assert (await sign_up(made, THERE)).json["user"] == "ann@there"

    visit(tmp_path, BOTH, play)


@pytest.mark.parametrize(
    ("name", "password"), [("", PASSWORD), ("a@b", PASSWORD), ("ann", "short"), ("x" * 65, PASSWORD)]
)
def test_what_makes_no_account_is_a_400(tmp_path: Path, name: str, password: str) -> None:
    async def play(made: Platform) -> None:
        assert (await sign_up(made, name=name, password=password)).status == 400

    visit(tmp_path, BOTH, play)


def test_a_wrong_password_and_an_unknown_name_look_the_same(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        await sign_up(made)
        wrong = await session(made, user="ann@here", password="another one")
        unknown = await session(made, user="bob@here", password="another one")
        nowhere = await session(made, user="bob@mars", password="another one")
        assert (wrong.status, wrong.body) == (unknown.status, unknown.body)
        assert (unknown.status, nowhere.status) == (401, 401)

    visit(tmp_path, BOTH, play)


def claims(said: Any, kind: TokenKind = "session") -> Claims:
    """What a token of an answer says of its bearer."""
    subject = Tokens(SESSION_KEY).user(said["token" if kind == "session" else "renewal"], kind)
    assert subject is not None
    return claims_of(subject)


def test_a_session_names_the_plan_and_the_device_that_signed_in_also_when_it_is_renewed(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        ann = {"user": "ann", "password": PASSWORD, "plan": "standard", "device": "tv"}
        new = (await made.ask(HERE, "/sign-up", "POST", json=ann)).json
        assert claims(new) == claims(new, "renewal") == Claims("ann@here", "standard", "tv")
        assert new["plan"] == "standard"
        phone = (await session(made, THERE, user="ann@here", password=PASSWORD, device="phone")).json
        assert claims(phone) == Claims("ann@here", "standard", "phone")
        for gateway in (HERE, THERE):
            assert claims((await session(made, gateway, renewal=phone["renewal"])).json) == claims(phone)

    visit(tmp_path, BOTH, play)


def test_a_device_is_told_its_key_for_a_password_and_never_for_a_renewal(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        ann = {"user": "ann", "password": PASSWORD, "device": "tv"}
        new = (await made.ask(HERE, "/sign-up", "POST", json=ann)).json
        again = (await session(made, user="ann@here", password=PASSWORD, device="tv")).json
        phone = (await session(made, user="ann@here", password=PASSWORD, device="phone")).json
        assert new["device_key"] == again["device_key"] == device_key(SESSION_KEY, Claims("ann@here", "", "tv"))
        assert phone["device_key"] not in ("", new["device_key"])
        assert (await session(made, renewal=new["renewal"])).json["device_key"] == ""
        assert (await session(made, user="ann@here", password=PASSWORD)).json["device_key"] == ""

    visit(tmp_path, BOTH, play)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"plan": "platinum"}, "there is no plan 'platinum' (there are basic, "),
        ({"device": "my tv"}, "a device is called by 1 to 64 letters"),
    ],
)
def test_a_plan_that_there_is_not_and_a_device_that_cannot_be_named_are_refused(
    tmp_path: Path, more: dict[str, str], sentence: str
) -> None:
    async def play(made: Platform) -> None:
        answer = await made.ask(HERE, "/sign-up", "POST", json={"user": "ann", "password": PASSWORD, **more})
        assert answer.status == 400
        assert sentence in answer.json["error"]

    visit(tmp_path, BOTH, play)


def test_accounts_from_before_there_were_plans_are_still_there_and_have_none(tmp_path: Path) -> None:
    file = tmp_path / "accounts.sqlite"
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("CREATE TABLE accounts (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO accounts VALUES ('ann', 'hash')")
    for _ in range(2):
        accounts = SqliteAccounts(file)
        assert accounts.find("ann") == Account("ann", "hash", "")
    assert accounts.add(Account("bob", "hash", "basic")) == Account("bob", "hash", "basic")


def test_the_other_region_asks_the_accounts_home(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        await sign_up(made)
        away = await session(made, THERE, user="ann@here", password=PASSWORD)
        assert (away.status, away.json["region"]) == (200, "here")
        assert await is_in(made, THERE, away.json["token"])

    visit(tmp_path, BOTH, play)


def test_while_the_home_region_is_lost_sessions_are_renewed_and_passwords_are_not_checked(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        kept = Tokens(SESSION_KEY).issue("ann@here", "renewal", 60)
        renewed = await session(made, THERE, renewal=kept)
        assert (renewed.status, renewed.json["region"]) == (200, "there")
        assert await is_in(made, THERE, renewed.json["token"])
        refused = await session(made, THERE, user="ann@here", password=PASSWORD)
        assert refused.status == 503
        assert "here" in refused.json["error"]

    visit(tmp_path, ("there/identity-1", THERE), play)


def test_a_renewal_is_granted_where_it_is_asked_for(tmp_path: Path) -> None:
    """If homes were asked first, the renewals of a lost region would spend the retry budget of all on asking there."""

    async def play(made: Platform) -> None:
        kept = (await sign_up(made)).json["renewal"]
        regions = [(await session(made, gateway, renewal=kept)).json["region"] for gateway in (HERE, THERE)]
        assert regions == ["here", "there"]

    visit(tmp_path, BOTH, play)


def test_the_home_region_renews_no_session_of_an_account_that_is_gone(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        kept = Tokens(SESSION_KEY).issue("ann@here", "renewal", 60)
        assert (await session(made, renewal=kept)).status == 401
        renewal = (await sign_up(made)).json["renewal"]
        assert (await session(made, renewal=renewal)).status == 200

    visit(tmp_path, BOTH, play)


def test_a_renewal_opens_no_doors_and_a_session_renews_nothing(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        new = (await sign_up(made)).json
        assert not await is_in(made, HERE, new["renewal"])
        assert (await session(made, renewal=new["token"])).status == 401

    visit(tmp_path, BOTH, play)


def test_a_storm_of_sign_ins_is_refused_in_part_and_holds_nobody_else_up(tmp_path: Path, slow: SlowHasher) -> None:
    async def play(made: Platform) -> None:
        renewal = (await sign_up(made)).json["renewal"]
        body = {"user": "ann@here", "password": PASSWORD}
        storm = [asyncio.create_task(made.ask("here/identity-1", "/sessions", "POST", json=body)) for _ in range(40)]
        refused = [await each for each in itertools.islice(asyncio.as_completed(storm), 31)]
        assert {each.status for each in refused} == {503}
        assert {(each.headers["Retry-After"], each.headers["X-Shed"]) for each in refused} == {("1", "passwords")}
        assert (await made.ask("here/identity-1", "/renewals", "POST", json={"token": renewal})).status == 200
        slow.go_on.set()
        statuses = [(await each).status for each in storm]
        assert statuses.count(200) == 9, "one was being checked, and eight waited"

    visit(tmp_path, ("here/identity-1", HERE), play)


def test_a_storm_of_sign_ins_keeps_no_gateway_from_renewing(tmp_path: Path, slow: SlowHasher) -> None:
    async def play(made: Platform) -> None:
        renewal = (await sign_up(made)).json["renewal"]
        knock = [
            asyncio.create_task(session(made, user="ann@here", password=PASSWORD)) for _ in range(16)
        ]  # more than five are refused
        refused = [await each for each in itertools.islice(asyncio.as_completed(knock), 6)]
        assert {each.status for each in refused} == {503}
        renewed = await session(made, renewal=renewal)
        assert (renewed.status, renewed.json["region"]) == (200, "here"), "no breaker has opened"
        slow.go_on.set()
        await asyncio.gather(*knock)

    visit(tmp_path, ("here/identity-1", HERE), play)


def test_a_store_that_fails_is_told_apart_from_a_wrong_password(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        await sign_up(made)
        for file in (tmp_path / "here").glob("accounts.sqlite*"):
            file.unlink()
        (tmp_path / "here" / "accounts.sqlite").mkdir()
        answer = await made.ask("here/identity-1", "/sessions", "POST", json={"user": "ann@here", "password": PASSWORD})
        assert answer.status == 503
        assert "accounts.sqlite" in answer.json["error"]

    visit(tmp_path, BOTH, play)


def test_accounts_are_kept_by_all_instances_of_a_region_in_common(tmp_path: Path) -> None:
    one, other = (SqliteAccounts(tmp_path / "accounts.sqlite") for _ in range(2))
    assert one.add(Account("ann", "hash")) == Account("ann", "hash")
    assert other.find("ann") == Account("ann", "hash")
    assert other.add(Account("ann", "another hash")) == Account("ann", "hash")
    assert other.find("bob") is None
