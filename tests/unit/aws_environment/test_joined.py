"""Many threads' wishes in one request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chaos.environments.aws.answers import ApiFailed
from chaos.environments.aws.joined import MOST, Joined, _Wish
from tests.local.launcher_trial import until


class Service:
    """Answers each with its square, one request at a time; the first waits until it is let go."""

    def __init__(self, fails: Callable[[Sequence[int]], Exception | None] = lambda wishes: None) -> None:
        self.requests: list[list[int]] = []
        self._fails = fails
        self._let_go = threading.Event()
        self.joined: Joined[int, int] = Joined(self._carry)

    def ask_all(self, wishes: Sequence[int]) -> list[Any]:
        """The first alone under way, all others waiting; then answers and errors."""
        with ThreadPoolExecutor(len(wishes)) as pool:
            found = [pool.submit(self.joined.ask, wishes[0])]
            until(lambda: len(self.requests) == 1, within=10)
            found += [pool.submit(self.joined.ask, wish) for wish in wishes[1:]]
            until(lambda: len(self.joined._waiting) == len(wishes) - 1, within=10)
            self._let_go.set()
            return [each.exception() or each.result() for each in found]

    def _carry(self, wishes: Sequence[int]) -> dict[int, int]:
        self.requests.append(list(wishes))
        self._let_go.wait(10)
        failure = self._fails(wishes)
        if failure is not None:
            raise failure
        return {each: each * each for each in wishes}


def test_what_is_wished_for_while_a_request_is_under_way_shares_the_next_one() -> None:
    service = Service()
    wishes = list(range(30))
    assert service.ask_all(wishes) == [each * each for each in wishes]
    assert [len(each) for each in service.requests] == [1, 29]


def test_a_request_carries_no_more_than_aws_takes() -> None:
    service = Service()
    service.ask_all(list(range(MOST + 11)))
    assert [len(each) for each in service.requests] == [1, MOST, 10]


def test_one_that_is_refused_does_not_keep_the_others() -> None:
    refused = ApiFailed("5 cannot be stopped", took_effect="no", code="UnsupportedOperation")
    service = Service(lambda wishes: refused if 5 in wishes else None)
    answers = service.ask_all(list(range(8)))
    assert answers[5] is refused
    assert answers[:5] + answers[6:] == [0, 1, 4, 9, 16, 36, 49]


@pytest.mark.parametrize(
    "failure",
    [
        ApiFailed("throttled", took_effect="no", code="RequestLimitExceeded"),
        ApiFailed("no answer", took_effect="unknown"),
        ZeroDivisionError("a bug of ours"),
    ],
)
def test_what_concerns_all_is_raised_in_every_thread_and_not_asked_again(failure: Exception) -> None:
    service = Service(lambda wishes: failure)
    assert service.ask_all(list(range(8))) == [failure] * 8
    assert [len(each) for each in service.requests] == [1, 7]


def test_what_goes_wrong_with_one_by_itself_does_not_leave_those_behind_it_without_an_answer() -> None:
    refused = ApiFailed("one of them cannot be stopped", took_effect="no", code="UnsupportedOperation")
    ours = ZeroDivisionError("a bug of ours")
    service = Service(lambda wishes: refused if len(wishes) > 1 else ours if wishes == [1] else None)
    service._let_go.set()
    wishes = [_Wish[int, int](each) for each in range(4)]
    service.joined._waiting.extend(wishes)
    service.joined._carry_those_that_wait()
    assert [each.answer.exception(0) or each.answer.result(0) for each in wishes] == [0, ours, 4, 9]
    asked = len(service.requests)
    service.joined._carry_those_that_wait()
    assert len(service.requests) == asked, "nobody waits, so AWS is asked for nothing"
