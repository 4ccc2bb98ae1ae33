"""A charge is made once, whatever the provider answers, and whoever dies between asking and knowing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

from target_platform.services.billing import Bill
from target_platform.stores.registers import Entry
from target_platform.stores.sqlite_registers import SqliteRegisters
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Platform, visit

BILLING = "here/billing-1"
WHOLE = ("here/payment-1", "there/payment-1", BILLING)


async def charge(made: Platform, account: str) -> Any:
    return (await made.ask(BILLING, "/charges", "POST", json={"account": account})).json


async def charges_of(made: Platform, account: str) -> int:
    statements = [await made.ask(bank, f"/accounts/{account}/charges") for bank in WHOLE[:2]]
    return sum(len(each.json["charges"]) for each in statements)


def late_provider(folder: Path, *weaknesses: str) -> None:
    """It charges and does not answer in time, each time."""
    policies = yaml.safe_load(effective_policies(weaknesses))
    policies["payment"] = {"late_share": 1, "late_ms": 400}
    policies["calls"]["billing>payment"].update(deadline_ms=30_000, attempt_ms=100, attempts=2)
    (folder / "policies.yaml").write_text(yaml.safe_dump(policies))


def test_asked_twice_an_account_is_charged_once(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        first, second = await charge(made, "anna"), await charge(made, "anna")
        assert first["state"] == "charged"
        assert first == second
        assert await charges_of(made, "anna") == 1

    visit(tmp_path, WHOLE, play)


def test_asked_twice_at_the_same_time_an_account_is_charged_once(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        bills = await asyncio.gather(*(charge(made, "anna") for _ in range(8)))
        assert len({bill["charge"] for bill in bills}) == 1
        assert await charges_of(made, "anna") == 1

    visit(tmp_path, WHOLE, play)


def test_a_provider_that_charges_and_answers_late_charges_once(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await charge(made, "anna"))["state"] == "pending"
        assert (await charge(made, "anna"))["state"] == "pending"
        assert await charges_of(made, "anna") == 1

    late_provider(tmp_path)
    visit(tmp_path, WHOLE, play)


def test_without_a_key_it_charges_each_time_it_is_asked(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await charge(made, "anna"))["state"] == "pending"
        assert await charges_of(made, "anna") >= 2

    late_provider(tmp_path, "charge-without-key")
    visit(tmp_path, WHOLE, play)


def test_what_was_begun_before_a_crash_is_finished_after_it(tmp_path: Path) -> None:
    """A bill is on disk before the provider is asked, and nothing else is left of a process that was killed then."""

    async def leave_behind() -> None:
        store = SqliteRegisters(tmp_path / "data" / BILLING / "bills.sqlite")
        bill = Bill(account="anna", month="2026-01")
        await store.put([Entry(key=bill.key, version=(0, ""), value=msgspec.json.encode(bill).decode())])
        await store.close()

    async def play(made: Platform) -> None:
        until = time.monotonic() + 30
        while await charges_of(made, "anna") == 0:
            assert time.monotonic() < until, "nobody went on with it"
            await asyncio.sleep(0.02)
        assert await charges_of(made, "anna") == 1

    asyncio.run(leave_behind())
    visit(tmp_path, WHOLE, play)
