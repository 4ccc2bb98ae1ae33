"""What users did with data, one by one: the history that data safety is checked on after a run."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["write", "read", "audit", "charge", "statement"]
Outcome = Literal["ok", "fail", "unknown"]

Check = Literal["acknowledged_kept", "monotonic_reads", "charged_once", "charges_kept", "ledger_balanced"]


class Charge(Struct, frozen=True):
    """Money that was taken: the provider's name of the charge, and how much."""

    id: str
    cents: int


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation of one session on one key, from its invocation to its completion (epoch seconds).

    `outcome`: ok (acknowledged, or answered), fail (it certainly did nothing, or showed nothing), unknown (nobody
    answered: it may have happened or not). `region` is who answered.

    write, read, audit: `version` orders what was written or shown, newer is larger; None for a read says that nothing
    was there. An audit is a read after everything has had time to settle: it must show what any region acknowledged.
    charge: `charges` is the one that was acknowledged. statement: all that were ever made on this account.
    """

    kind: Kind
    key: str
    session: str
    begun: float
    ended: float
    outcome: Outcome = "ok"
    region: str = ""
    version: tuple[int, ...] | None = None
    charges: tuple[Charge, ...] = ()
