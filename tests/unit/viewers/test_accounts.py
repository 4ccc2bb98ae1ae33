"""How viewers get in, and the licences that a device keeps."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from target_platform.kit.claims import Claims
from target_platform.kit.device import Proofs, device_key
from target_platform.viewers.accounts import Account, Accounts
from target_platform.viewers.behaviour import Arriving
from target_platform.viewers.fetch import Answer, RequestFailed
from target_platform.viewers.licences import Wallet, Wish

ARRIVING = Arriving(accounts_a_region=2, sign_up_share=0.1, sign_in_share=0.2)


def account(name: str) -> Account:
    return Account(user=f"{name}@east", password="password", renewal=f"renewal of {name}")


def test_the_first_viewers_of_each_region_are_new() -> None:
    accounts, random = Accounts(ARRIVING), Random(1)
    for number in range(2):
        assert accounts.entrance(number, "east", random).request == "sign_up"
        accounts.keep("east", account(f"viewer-{number}"))
    assert accounts.entrance(3, "west", random).request == "sign_up"


def test_then_most_devices_are_signed_in_and_few_type_a_password() -> None:
    accounts, random = Accounts(ARRIVING), Random(1)
    for name in ("ann", "bob"):
        accounts.keep("east", account(name))
    drawn = [accounts.entrance(number, "east", random) for number in range(2000)]
    shares = Counter(each.request for each in drawn)
    assert shares["sign_up"] / 2000 == pytest.approx(0.1, abs=0.03)
    assert shares["sign_in"] / 2000 == pytest.approx(0.2, abs=0.03)
    assert {each.body["renewal"] for each in drawn if each.request == "session"} == {"renewal of ann", "renewal of bob"}
    assert not any("renewal" in each.body for each in drawn if each.request != "session")


def test_a_new_name_is_nobody_elses() -> None:
    accounts = Accounts(Arriving(sign_up_share=1.0))
    names = {accounts.entrance(number, "east", Random(1)).body["user"] for number in range(5)}
    assert len(names) == 5


def test_an_account_is_kept_once() -> None:
    accounts = Accounts(Arriving(accounts_a_region=2, sign_up_share=0, sign_in_share=0))
    accounts.keep("east", account("ann"))
    accounts.keep("east", account("ann"))
    assert accounts.entrance(0, "east", Random(1)).request == "sign_up", "one account is not two"


def test_a_licence_is_kept_until_shortly_before_its_end() -> None:
    now = [1000.0]
    wallet = Wallet(now=lambda: now[0])
    said = {"keys": [{"kty": "oct", "kid": "i", "k": "k"}], "issued_at": 5000, "expires_at": 5600}
    wallet.keep("split-brain", Answer(200, msgspec.json.encode(said)))
    assert wallet.may_play("split-brain")
    assert not wallet.may_play("another")
    now[0] = 1570.0
    assert not wallet.may_play("split-brain")
    now[0] = 1000.0
    assert not wallet.may_play("split-brain"), "a clock that is set back gives nothing back"


def test_a_stored_licence_plays_for_its_two_days_without_asking_also_on_a_device_whose_clock_is_wrong() -> None:
    now = [1000.0]
    wallet = Wallet(now=lambda: now[0])
    said = {"keys": [{"k": "k"}], "issued_at": 900_000, "expires_at": 1_072_800, "type": "persistent-license"}
    wallet.keep("split-brain", Answer(200, msgspec.json.encode(said)))
    now[0] += 172_000
    assert wallet.may_play("split-brain")
    now[0] += 800
    assert not wallet.may_play("split-brain")


def test_a_device_asks_for_a_licence_as_the_device_that_signed_in() -> None:
    claims = Claims("ann@here", "", "tv")
    asked = Wish(title="split-brain").signed(device_key("secret", claims), now=lambda: 1000.9)
    assert asked["type"] == "temporary"
    proofs = Proofs("secret", 0, now=lambda: 1000)
    assert proofs.objection(claims, "licence split-brain", asked["asked_at"], asked["proof"]) == ""
    phone = Claims("ann@here", "", "phone")
    assert proofs.objection(phone, "licence split-brain", asked["asked_at"], asked["proof"])


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"keys": [], "expires_at": 5}', b'{"keys": [{"k": "k"}]}'])
def test_what_is_no_licence_shows_no_picture(said: bytes) -> None:
    wallet = Wallet()
    with pytest.raises(RequestFailed):
        wallet.keep("split-brain", Answer(200, said))
    assert not wallet.may_play("split-brain")
