"""A stand-in for a payment provider: charges, keeps a ledger, and may be late with its answer after it has charged.

Whoever asks again with the same key gets the same charge. Without a key each request is a charge of its own: that is
how such providers work, and why a key is worth having.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from hashlib import blake2b
from itertools import count
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.policy import PaymentPolicy
from target_platform.kit.service import Instance, Service
from target_platform.stores.registers import Entry, StoreFailed
from target_platform.stores.sqlite_registers import SqliteRegisters


class Wanted(Struct, frozen=True, kw_only=True):
    """`key` is the caller's name for this charge; an empty one names nothing."""

    account: str
    amount_cents: int
    key: str = ""


class Charge(Struct, frozen=True, kw_only=True):
    id: str
    account: str
    amount_cents: int


class Statement(Struct, frozen=True):
    """All that was ever taken from one account."""

    charges: tuple[Charge, ...]


def routes(instance: Instance) -> Sequence[Route]:
    store = SqliteRegisters(Path(instance.config.data_dir) / "ledger.sqlite")
    instance.at_close(store.close)
    payment = Payment(store, instance.policies.payment)
    return [
        Route("/charges", payment.charge, methods=["POST"]),
        Route("/accounts/{account}/charges", payment.statement),
    ]


class Payment:
    """The ledger's entries are called ACCOUNT/KEY; the first of a name stays."""

    def __init__(self, store: SqliteRegisters, policy: PaymentPolicy) -> None:
        self._store = store
        self._policy = policy
        self._requests = count()

    async def charge(self, request: Request) -> Response:
        wanted = await read_body(request, Wanted)
        charge = Charge(id=uuid.uuid4().hex, account=wanted.account, amount_cents=wanted.amount_cents)
        name = f"{quote(wanted.account, safe='')}/{wanted.key or charge.id}"
        try:
            await self._store.put([Entry(key=name, version=(0, ""), value=msgspec.json.encode(charge).decode())])
            kept = await self._store.get(name)
        except StoreFailed as error:
            raise HTTPException(503, str(error)) from error
        if self._is_late():
            await asyncio.sleep(self._policy.late_ms / 1000)
        assert kept is not None, "it was just put there"
        return answer(msgspec.json.decode(kept.value, type=Charge))

    async def statement(self, request: Request) -> Response:
        try:
            kept = await self._store.under(f"{quote(request.path_params['account'], safe='')}/")
        except StoreFailed as error:
            raise HTTPException(503, str(error)) from error
        return answer(Statement(tuple(msgspec.json.decode(each.value, type=Charge) for each in kept)))

    def _is_late(self) -> bool:
        """Drawn from the seed and the number of the request: the same every time."""
        drawn = blake2b(f"{self._policy.seed}/{next(self._requests)}".encode(), digest_size=4).digest()
        return int.from_bytes(drawn, "big") < self._policy.late_share * (1 << 32)


SERVICE = Service(name="payment", criticality="degradable", routes=routes, keeps_data=True, replicas=1)
