"""A subscriber who pays, and then looks at the bank statement: exactly one charge must stand there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import gevent

from target_platform.viewers.fetch import Answer, Call, Connections, RequestFailed, Route
from target_platform.viewers.report import Reporter

ASK_AGAIN_SECONDS = 1.0
STATEMENT_SECONDS = 5.0

Ask = Callable[[str, str, dict[str, Any] | None], Answer]


class Payer:
    """`banks` are the payment providers themselves, asked directly: what billing believes is not the question."""

    def __init__(self, banks: Sequence[str], connections: Connections, ask: Ask, reporter: Reporter) -> None:
        self._banks = banks
        self._connections = connections
        self._ask = ask
        self._reporter = reporter
        self.account = ("", "")
        """The subscription that was charged, and its account, once that is known."""

    def pay(self, subscription: str, patience_seconds: float) -> None:
        """Ask to be charged until it is done, then compare. What is not known is not reported as `charged_once`."""
        try:
            account = self._charged(subscription, time.monotonic() + patience_seconds)
            self.account = (subscription, account)
            charges = self.statement()
        except RequestFailed:
            return  # reported where it happened
        try:
            with self._reporter.request("charged_once"):
                if charges != 1:
                    raise RequestFailed(f"an account was charged {charges} times")
        except RequestFailed:
            pass

    def audit(self, until: float) -> None:
        """Look at the statement once more, to the monotonic time `until` at most: a charge may come late."""
        while self.account[1] and time.monotonic() < until:
            try:
                self.statement()
                return
            except RequestFailed:
                gevent.sleep(ASK_AGAIN_SECONDS)

    def statement(self) -> int:
        """How many charges stand on the statement of the account that was charged. Raises RequestFailed."""
        subscription, account = self.account
        begun = time.time()
        made = [charge for bank in self._banks for charge in self._charges(bank, account)]
        charges = [{"id": charge["id"], "cents": charge["amount_cents"]} for charge in made]
        self._reporter.operation("statement", begun, key=subscription, session=subscription, charges=charges)
        return len(made)

    def _charged(self, subscription: str, until: float) -> str:
        """The account that was charged. Raises RequestFailed when nobody says so in time."""
        while True:
            begun, charges = time.time(), list[dict[str, Any]]()
            try:
                said = self._ask("charge", f"/charges/{subscription}", {}).json()
                if isinstance(said, dict) and said.get("state") == "charged":
                    charges = [{"id": said["charge"], "cents": said["amount_cents"]}]
            except RequestFailed:
                pass  # reported; it may be charged or not, which is why the key is the same next time
            outcome = "ok" if charges else "unknown"
            self._reporter.operation(
                "charge", begun, key=subscription, session=subscription, outcome=outcome, charges=charges
            )
            if charges:
                return str(said["account"])
            if time.monotonic() > until:
                raise RequestFailed("not charged in time")
            gevent.sleep(ASK_AGAIN_SECONDS)

    def _charges(self, bank: str, account: str) -> list[dict[str, Any]]:
        with self._reporter.request("statement") as tally:
            path = f"/accounts/{quote(account, safe='')}/charges"
            call = Call(path=path, until=time.monotonic() + STATEMENT_SECONDS)
            answer = self._connections.ask(Route([bank]), call, tally)
            if answer.status != 200:
                raise RequestFailed(f"the bank answered {answer.status}")
            return list(answer.json()["charges"])
