"""What can go wrong in a service's dealings with others, as sentences."""

from __future__ import annotations

from typing import Literal

FailureKind = Literal[
    "timeout",  # no whole answer in the time of one attempt
    "refused",  # nobody listens there
    "reset",  # the connection ended before the answer did
    "status",  # the answer was 5xx
    "shed",  # it is too busy for this request, and said so at once
    "open",  # no breaker lets a call through
    "unlisted",  # discovery names nobody, and is believed
    "full",  # the bulkhead and its queue are full
    "deadline",  # the time for the whole call was over before an answer could be had
]

_WORTH_A_RETRY: frozenset[FailureKind] = frozenset({"timeout", "refused", "reset", "status", "shed"})


class CallFailed(Exception):
    """A call to a dependency got no usable answer. `str()` is a sentence that names both ends.

    `hurried` tells a timeout of an attempt that was given much less time than its policy says: its caller was short of
    time, which says nothing about the dependency.
    """

    def __init__(self, message: str, kind: FailureKind, hurried: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.hurried = hurried

    @property
    def worth_a_retry(self) -> bool:
        """Whether another instance, or the same one a moment later, may well answer."""
        return self.kind in _WORTH_A_RETRY


class PolicyError(ValueError):
    """A policies file says something that cannot be meant; the sentence names file and key."""


class Undeclared(LookupError):
    """A service calls somebody, or names a fallback, that its declaration does not list: a mistake in its code."""
