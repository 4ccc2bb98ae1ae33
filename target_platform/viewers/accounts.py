"""How a viewer gets in: most by what their device keeps, a few with a password, and some are new.

The accounts are shared by all viewers of one load generator, so that the platform checks passwords for a share of them
only, as in life: most devices have been signed in for weeks. The first viewers of each region have to make them.
"""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from msgspec import Struct

from target_platform.viewers.behaviour import Arriving


class Account(Struct, frozen=True, kw_only=True):
    """`user` is NAME@REGION, as the platform has given it; `renewal` is what a signed-in device keeps.

    So is `device_key`, with which it shows that it is the device that signed in.
    """

    user: str
    password: str
    renewal: str
    device_key: str = ""


class Entrance(Struct, frozen=True, kw_only=True):
    """What a viewer asks for to get in; `request` is what it is reported as."""

    request: Literal["session", "sign_in", "sign_up"]
    path: str
    body: dict[str, Any]
    password: str
    device_key: str = ""


class Accounts:
    """The accounts that viewers of each region know."""

    def __init__(self, arriving: Arriving) -> None:
        self._arriving = arriving
        self._known: dict[str, list[Account]] = {}

    def entrance(self, number: int, region: str, random: Random) -> Entrance:
        """How viewer `number` of a region gets in this time."""
        known, draw = self._known.get(region, []), random.random()
        if len(known) < self._arriving.accounts_a_region or draw < self._arriving.sign_up_share:
            return _sign_up(f"viewer-{number}", self._arriving.plan)
        account = random.choice(known)
        if draw < self._arriving.sign_up_share + self._arriving.sign_in_share:
            return _with_password(account, f"viewer-{number}")
        return renewing(account)

    def keep(self, region: str, account: Account) -> None:
        known = self._known.setdefault(region, [])
        if all(each.user != account.user for each in known):
            known.append(account)


def renewing(account: Account) -> Entrance:
    """As a device does it, unseen by the viewer."""
    return Entrance(
        request="session",
        path="/session",
        body={"renewal": account.renewal},
        password=account.password,
        device_key=account.device_key,
    )


def _sign_up(name: str, plan: str) -> Entrance:
    """The first device of an account is called as the account is."""
    password = f"password of {name}"
    body = {"user": name, "password": password, "device": name, **({"plan": plan} if plan else {})}
    return Entrance(request="sign_up", path="/sign-up", body=body, password=password)


def _with_password(account: Account, device: str) -> Entrance:
    body = {"user": account.user, "password": account.password, "device": device}
    return Entrance(request="sign_in", path="/session", body=body, password=account.password)
