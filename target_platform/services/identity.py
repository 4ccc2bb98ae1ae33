"""Who viewers are: sign-up, sign-in, and sessions that are renewed without a password.

An account lives in the region in which it was made, its home, and is called NAME@REGION. Two regions can so never make
the same one, and nothing is copied between them. The rules while a region is lost:
- Sessions go on: gateways check them without asking anybody.
- They are renewed, too: any region renews on the signature alone, and does so always, so that nothing has to be found
  out first when a region is lost. Only the home region sees that an account is gone.
- New accounts are made in the region that answers.
- Who has to type the password of an account of the lost region does not get in (421: ask its home).

A session names the plan of the account and the device that signed in, so that whoever checks it knows both. The device
is told a key with it (kit/device.py), and a renewal is never told that key: it goes on as the device that signed in.

Checking a password takes 19 MiB and some 40 ms of a core, on purpose. So only a few are checked at a time, in threads;
the next wait in a short queue, and those after them are refused at once. Renewals and other requests pass by.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit import deadline
from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.claims import Claims, claims_of
from target_platform.kit.client import SHED
from target_platform.kit.device import device_key
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens
from target_platform.stores.accounts import Account, AccountsFailed, SqliteAccounts

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""The smaller of the profiles that OWASP's Password Storage Cheat Sheet recommends; memory_cost is in KiB."""

NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$a6qlXErBU6AZLwiUAhS3aw$N66YD8NMA52LLGG+5D0RXjHNskLwhWfA7uj1IbCUhTo"
"""Checked when there is no such account, so that the time of an answer does not tell which names exist."""

SIGN_IN_MS = 2000.0
"""How long a password may wait to be checked if the caller does not say."""

Result = TypeVar("Result")


class Credentials(Struct, frozen=True):
    """`device` is what the device calls itself, `plan` what a new account is to have; both may be left out."""

    user: str
    password: str
    device: str = ""
    plan: str = ""


class Renewal(Struct, frozen=True):
    token: str


class Session(Struct, frozen=True):
    """`token` opens doors for a while; `renewal` gets a new one for a month.

    `device_key` is what the device proves with that it is the one; empty for a renewal, and without a device.
    """

    user: str
    token: str
    renewal: str
    region: str
    device_key: str = ""
    plan: str = ""


def routes(instance: Instance) -> Sequence[Route]:
    identity = Identity(instance, SqliteAccounts(Path(instance.config.settings["accounts_file"])))
    return [
        Route("/accounts", identity.sign_up, methods=["POST"]),
        Route("/sessions", identity.sign_in, methods=["POST"]),
        Route("/renewals", identity.renew, methods=["POST"]),
    ]


class Identity:
    def __init__(self, instance: Instance, accounts: SqliteAccounts) -> None:
        self._accounts = accounts
        self._region = instance.config.region
        self._policy = instance.policies.sessions
        self._plans = instance.policies.streams.seats
        self._secret = instance.config.settings["session_key"]
        self._tokens = Tokens(instance.config.settings["session_key"])
        self._places = Bulkhead(self._policy.hashing, "identity>argon2")
        # Threads of its own: each thread that has ever hashed keeps 19 MiB for the next time.
        self._threads = ThreadPoolExecutor(self._policy.hashing.concurrent, "argon2")
        instance.at_close(self._close)
        self._hashes = instance.metrics.counter("password_hashes", "Passwords hashed or checked", "outcome")

    async def sign_up(self, request: Request) -> Response:
        """Again with the same password is a sign-in, so a sign-up whose answer was lost can be repeated."""
        credentials = await read_body(request, Credentials)
        if not re.fullmatch(r"[\w.+-]{1,64}", credentials.user) or not 8 <= len(credentials.password) <= 256:
            raise HTTPException(400, "a name has 1 to 64 letters, digits, . + - or _, a password 8 to 256 characters")
        _check_device(credentials.device)
        if credentials.plan and credentials.plan not in self._plans:
            raise HTTPException(400, f"there is no plan {credentials.plan!r} (there are {', '.join(self._plans)})")
        account = await self._hashing(partial(self._make, credentials))
        if account is None:
            raise HTTPException(409, f"somebody else is called {credentials.user} here")
        return self._signed_in(account, credentials.device, status=201)

    async def sign_in(self, request: Request) -> Response:
        credentials = await read_body(request, Credentials)
        name, _, home = credentials.user.rpartition("@")
        if home != self._region:
            raise HTTPException(421, f"the account {credentials.user} is not kept in {self._region}")
        _check_device(credentials.device)
        account = await self._hashing(partial(self._check, Credentials(name, credentials.password)))
        if account is None:
            raise HTTPException(401, "there is no such account with that password")
        return self._signed_in(account, credentials.device)

    async def renew(self, request: Request) -> Response:
        subject = self._tokens.user((await read_body(request, Renewal)).token, "renewal")
        if subject is None:
            raise HTTPException(401, "the session cannot be renewed any more: sign in with a password")
        claims = claims_of(subject)
        name, _, home = claims.user.rpartition("@")
        if home == self._region and await asyncio.to_thread(_answered, partial(self._accounts.find, name)) is None:
            raise HTTPException(401, f"the account {claims.user} is gone")
        return self._session(claims)

    async def _hashing(self, work: Callable[[], Account | None]) -> Account | None:
        """What came of it: the account, if the password was right."""
        try:
            async with self._places.place(deadline.limited_to(SIGN_IN_MS)):
                done = await asyncio.get_running_loop().run_in_executor(self._threads, _answered, work)
        except CallFailed as busy:  # no failure: a breaker that opened for it would keep the renewals out too
            raise HTTPException(503, str(busy), {"Retry-After": "1", SHED: "passwords"}) from busy
        self._hashes.labels("right" if done else "wrong").inc()
        return done

    async def _close(self) -> None:
        self._threads.shutdown(wait=False)

    def _make(self, credentials: Credentials) -> Account | None:
        kept = self._accounts.find(credentials.user)
        if kept is None:
            made = HASHER.hash(credentials.password)
            kept = self._accounts.add(Account(credentials.user, made, credentials.plan))
            if kept.password_hash == made:
                return kept
        return kept if _fits(kept.password_hash, credentials.password) else None

    def _check(self, credentials: Credentials) -> Account | None:
        account = self._accounts.find(credentials.user)
        return account if _fits(account.password_hash if account else NOBODY, credentials.password) else None

    def _signed_in(self, account: Account, device: str, status: int = 200) -> Response:
        claims = Claims(f"{account.name}@{self._region}", account.plan, device)
        return self._session(claims, device_key(self._secret, claims) if device else "", status)

    def _session(self, claims: Claims, key: str = "", status: int = 200) -> Response:
        token = self._tokens.issue(claims.subject, "session", self._policy.valid_seconds)
        renewal = self._tokens.issue(claims.subject, "renewal", self._policy.renewal_seconds)
        return answer(Session(claims.user, token, renewal, self._region, key, claims.plan), status)


def _check_device(device: str) -> None:
    if not re.fullmatch(r"[\w.+-]{0,64}", device):
        raise HTTPException(400, "a device is called by 1 to 64 letters, digits, . + - or _")


def _fits(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except VerificationError:
        return False


def _answered(work: Callable[[], Result]) -> Result:
    """Raises HTTPException(503) when the store fails: another instance may still reach it."""
    try:
        return work()
    except AccountsFailed as error:
        raise HTTPException(503, str(error)) from error


SERVICE = Service(name="identity", criticality="critical", routes=routes, keeps_data=True)
