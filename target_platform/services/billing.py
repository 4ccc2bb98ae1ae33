"""One charge a month and account, however often it is asked for and whatever the payment provider does.

What is to be charged is on disk before the provider is asked, under a key that follows from account and month alone. So
whoever goes on after a timeout or a crash, this instance or any other one, asks with the same key, and the provider
knows that it has charged already. An account belongs to one provider, for only that one remembers its keys.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.stores.registers import Entry, Registers, StoreFailed
from target_platform.stores.sqlite_registers import SqliteRegisters

AMOUNT_CENTS = 999
PENDING_EVERY_SECONDS = 2.0

log = logging.getLogger("billing")

_VERSIONS = {"pending": 0, "charged": 1}
"""A bill only ever goes forward: "charged" is newer than "pending", whichever is written last."""


class Wanted(Struct, frozen=True):
    account: str


class Bill(Struct, frozen=True, kw_only=True):
    """`charge` is the provider's name of the charge, once there is one."""

    account: str
    month: str
    amount_cents: int = AMOUNT_CENTS
    state: Literal["pending", "charged"] = "pending"
    charge: str = ""

    @property
    def key(self) -> str:
        return f"{quote(self.account, safe='')}/{self.month}"


class Charged(Struct, frozen=True):
    """What is read of the provider's answer."""

    id: str


def routes(instance: Instance) -> Sequence[Route]:
    store = SqliteRegisters(Path(instance.config.data_dir) / "bills.sqlite")
    instance.at_close(store.close)
    billing = Billing(instance, store)
    instance.every(PENDING_EVERY_SECONDS, billing.finish_pending)
    return [Route("/charges", billing.charge, methods=["POST"])]


class Billing:
    def __init__(self, instance: Instance, store: Registers) -> None:
        self._instance = instance
        self._store = store
        self._has_key = instance.policies.billing.idempotency_key
        self._pending: dict[str, Bill] | None = None

    async def charge(self, request: Request) -> Response:
        """200 once it is charged, 202 while it is not known to be: it will be, without being asked again."""
        wanted = await read_body(request, Wanted)
        bill = Bill(account=wanted.account, month=time.strftime("%Y-%m", time.gmtime()))
        try:
            kept = await self._store.get(bill.key)
            if kept is None:
                await self._store.put([_entry(bill)])
            else:
                bill = _bill(kept)
            if bill.state == "pending":
                bill = await self._pay(bill)
        except StoreFailed as error:
            raise HTTPException(503, str(error)) from error
        return answer(bill, 200 if bill.state == "charged" else 202)

    async def finish_pending(self) -> None:
        """Go on with what was begun and not finished, also by a process of this name that has died."""
        try:
            if self._pending is None:
                bills = [_bill(each) for each in await self._store.under("")]
                self._pending = {bill.key: bill for bill in bills if bill.state == "pending"}
            for bill in list(self._pending.values()):
                await self._pay(bill)
        except StoreFailed as error:
            log.warning("%s", error)

    async def _pay(self, bill: Bill) -> Bill:
        """The bill as it is after the provider was asked."""
        body = {"account": bill.account, "amount_cents": bill.amount_cents, "key": bill.key if self._has_key else ""}
        ask = Ask(path="/charges", method="POST", body=msgspec.json.encode(body), only=self._provider(bill.account))
        pending = self._pending if self._pending is not None else {}
        try:
            reply = await self._instance.call("payment", ask)
        except CallFailed:
            pending[bill.key] = bill  # charged or not: nobody knows, and asking again does no harm
            return bill
        if reply.status != 200:
            pending[bill.key] = bill
            return bill
        charge = msgspec.json.decode(reply.body, type=Charged).id
        paid = msgspec.structs.replace(bill, state="charged", charge=charge)
        await self._store.put([_entry(paid)])
        pending.pop(bill.key, None)
        return paid

    def _provider(self, account: str) -> str:
        """The region whose provider keeps this account, by a hash: the same for every instance everywhere."""
        regions = self._instance.config.regions
        return regions[int.from_bytes(blake2b(account.encode(), digest_size=4).digest(), "big") % len(regions)]


def _entry(bill: Bill) -> Entry:
    version = (_VERSIONS[bill.state], "")
    return Entry(key=bill.key, version=version, value=msgspec.json.encode(bill).decode())


def _bill(entry: Entry) -> Bill:
    return msgspec.json.decode(entry.value, type=Bill)


SERVICE = Service(name="billing", calls=("payment",), criticality="degradable", routes=routes, keeps_data=True)
