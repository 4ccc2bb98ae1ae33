"""Many threads' wishes in one request: AWS counts requests, and takes hundreds of resources in each."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chaos.environments.aws.answers import ApiFailed

Given = TypeVar("Given", bound=Hashable)
Got = TypeVar("Got")

_GATHER_SECONDS = 0.03
"""A request takes longer than that, and a step's targets are reached by many threads within it."""

MOST = 200
"""That many values a filter takes; other requests take more. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"""


class Joined(Generic[Given, Got]):
    """One request at a time, begun when others had a moment to come along; what is wished for later goes by the next.

    `carry` gets wishes and answers by wish; one that it does not answer is answered with None.
    """

    def __init__(self, carry: Callable[[Sequence[Given]], Mapping[Given, Got]]) -> None:
        self._carry = carry
        self._carrying = threading.Lock()
        self._waiting: deque[_Wish[Given, Got]] = deque()
        """Any thread adds to it; only the one that carries takes from it."""

    def ask(self, given: Given) -> Got | None:
        """Raises what the request raised; one that AWS has refused for all is repeated for each by itself."""
        wish: _Wish[Given, Got] = _Wish(given)
        self._waiting.append(wish)
        while not wish.answer.done():
            with self._carrying:
                if not wish.answer.done():
                    time.sleep(_GATHER_SECONDS)
                    self._carry_those_that_wait()
        return wish.answer.result()

    def _carry_those_that_wait(self) -> None:
        wishes = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))]
        if not wishes:
            return
        try:
            _answer(wishes, self._carry([wish.given for wish in wishes]))
        except ApiFailed as error:
            alone = len(wishes) > 1 and error.concerns_one and error.took_effect == "no"
            for wish in wishes:
                self._carry_alone(wish) if alone else wish.answer.set_exception(error)
        except Exception as error:  # noqa: BLE001  raised again in every thread that waits for it
            for wish in wishes:
                wish.answer.set_exception(error)

    def _carry_alone(self, wish: _Wish[Given, Got]) -> None:
        """One machine that cannot be stopped must not keep the others from it."""
        try:
            _answer([wish], self._carry([wish.given]))
        except Exception as error:  # noqa: BLE001  raised again in its thread; those behind it are still answered
            wish.answer.set_exception(error)


@dataclass(frozen=True, eq=False)
class _Wish(Generic[Given, Got]):
    given: Given
    answer: Future[Got | None] = field(default_factory=Future)


def _answer(wishes: Sequence[_Wish[Given, Got]], answers: Mapping[Given, Got]) -> None:
    for wish in wishes:
        wish.answer.set_result(answers.get(wish.given))
