"""The only way out of a service: deadline, bulkhead, retry, breaker, request; and a fallback when all that failed.

    deadline   the time the caller of this service has left, or the policy's, whichever ends first; sent along
    bulkhead   a place among the calls to this dependency, or a quick refusal
    connection one of the pool for each attempt, given back however the attempt ends
    balance    each instance in turn; who fails much more often than it should is asked last for a while; who was left
               alone and is back is asked seldom at first
    retry      tenacity: the next instance after a random, growing pause, while attempts, time and retry budget last
    breaker    pybreaker, one an instance: who failed several times in a row is left alone for a while
    fallback   what the caller offers instead, if the policy names it

An answer below 500 is an answer, whatever it says; 5xx, a timeout and a broken connection are failures.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec import structs
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random_exponential,
)

from target_platform.kit import deadline
from target_platform.kit.client import Ask, Client, Reply
from target_platform.kit.config import Endpoint
from target_platform.kit.dependency import Choice, Dependency
from target_platform.kit.errors import CallFailed, Undeclared
from target_platform.kit.metrics import Metrics

Fallback = Callable[[], Awaitable[Reply]]


class Calls:
    """What one instance of the service `caller` calls: the services its declaration lists."""

    def __init__(self, caller: str, dependencies: Iterable[Dependency], metrics: Metrics, client: Client) -> None:
        self._caller = caller
        self._metrics = metrics
        self._client = client
        self._dependencies = {each.callee: each for each in dependencies}

    async def call(self, callee: str, ask: Ask, fallbacks: Mapping[str, Fallback] | None = None) -> Reply:
        """Ask a service. Its policy may name one of `fallbacks`, which then answers in its place.

        Raises CallFailed when there is neither an answer nor a fallback; Undeclared for a service that is not declared
        and for a fallback that is not offered here.
        """
        dependency = self._dependency(callee)
        fallback = self._chosen_fallback(dependency, fallbacks or {})
        began = time.monotonic()
        outcome = "cancelled"
        try:
            reply = await self._protected(dependency, ask)
            outcome = "answered"
        except CallFailed as failure:
            outcome = failure.kind
            if fallback is None:
                raise
            self._metrics.fallbacks.labels(callee, dependency.policy.fallback).inc()
            reply = structs.replace(await fallback(), fallback=dependency.policy.fallback)
        finally:
            self._metrics.calls.labels(callee, outcome).inc()
            self._metrics.call_seconds.labels(callee).observe(time.monotonic() - began)
        return reply

    async def _protected(self, dependency: Dependency, ask: Ask) -> Reply:
        ends_at = deadline.limited_to(dependency.policy.deadline_ms)
        if deadline.left_seconds(ends_at) == 0:
            raise CallFailed(f"{dependency.name}: no time was left to ask", "deadline")
        async with dependency.bulkhead.place(ends_at):
            dependency.budget.deposit()
            retrying = self._retrying(dependency, ask, ends_at)
            return await retrying(self._attempt, dependency, dependency.choice(ask), ask, ends_at)

    def _retrying(self, dependency: Dependency, ask: Ask, ends_at: float) -> AsyncRetrying:
        """A new one for each call: a tenacity object remembers the call it is in."""
        policy = dependency.policy
        attempts = policy.attempts if ask.idempotent else 1
        wait = wait_random_exponential if policy.backoff.spread == "full" else wait_exponential

        def is_enough(state: RetryCallState) -> bool:
            if state.attempt_number >= attempts or state.upcoming_sleep >= deadline.left_seconds(ends_at):
                return True
            if not dependency.budget.take():  # asked last, because asking spends: only a retry that is made is paid
                return True
            self._metrics.retries.labels(dependency.callee).inc()
            return False

        return AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, CallFailed) and error.worth_a_retry),
            stop=is_enough,
            wait=wait(multiplier=policy.backoff.first_ms / 1000, max=policy.backoff.max_ms / 1000),
            reraise=True,
        )

    async def _attempt(self, dependency: Dependency, choice: Choice, ask: Ask, ends_at: float) -> Reply:
        async with dependency.connections.one(ends_at):
            return await self._ask(dependency, choice.next(), ask, ends_at)

    async def _ask(self, dependency: Dependency, target: Endpoint, ask: Ask, ends_at: float) -> Reply:
        usual_seconds = dependency.policy.attempt_seconds
        seconds = min(usual_seconds, deadline.left_seconds(ends_at))
        outcome, began = "cancelled", time.monotonic()
        try:
            was_left_alone = dependency.leaves_alone(target)
            with dependency.breaker(target).calling():
                headers = {deadline.HEADER: deadline.header_value(seconds)}
                try:
                    reply = await self._client.request(target, ask, seconds, headers)
                except CallFailed as failure:
                    failure.hurried = failure.kind == "timeout" and seconds < usual_seconds / 2
                    raise
                outcome = "answered"
                if was_left_alone:
                    dependency.balance.came_back(target)
                dependency.balance.heard(target, time.monotonic() - began, failed=False)
                return reply
        except CallFailed as failure:
            outcome = failure.kind
            if not failure.hurried and failure.kind not in ("open", "shed"):
                dependency.balance.heard(target, time.monotonic() - began, failed=True)
            raise
        finally:
            self._metrics.attempts.labels(dependency.caller, dependency.callee, target.region, outcome).inc()

    def _dependency(self, callee: str) -> Dependency:
        if callee not in self._dependencies:
            raise Undeclared(f"{self._caller} calls {callee}, which its declaration does not list")
        return self._dependencies[callee]

    def _chosen_fallback(self, dependency: Dependency, offered: Mapping[str, Fallback]) -> Fallback | None:
        name = dependency.policy.fallback
        if name == "none":
            return None
        if name not in offered:
            raise Undeclared(f"the policy of {dependency.name} names the fallback {name}, which is not offered there")
        return offered[name]
