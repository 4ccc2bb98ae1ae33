"""What the API server's refusals mean, in sentences. Translated here once; nothing else reads a status code's text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from chaos.model.errors import ActionFailed

RIGHTS_HINT = "`chaos environments rbac EXPERIMENT` prints the rights that an experiment needs"


class ApiFailed(ActionFailed):
    """The API server said no, or nothing. `status` is HTTP's, 0 when there was no answer."""

    def __init__(
        self, message: str, hint: str = "", took_effect: Literal["no", "unknown"] = "unknown", status: int = 0
    ) -> None:
        super().__init__(message, hint, took_effect)
        self.status = status


class Unreachable(ApiFailed):
    """No answer came."""


class NotThere(ApiFailed):
    """There is no such object."""


class Conflict(ApiFailed):
    """Somebody else changed the object meanwhile, or it exists already."""


class Blocked(ApiFailed):
    """A PodDisruptionBudget does not allow an eviction now, or the server is overloaded (429 is both)."""


class Expired(ApiFailed):
    """A list could not be gone on with: its place in history is forgotten (410 Gone)."""


class _Status(Struct):
    """The part of a meta/v1 Status that people need."""

    message: str = ""


@contextmanager
def after_a_change() -> Iterator[None]:
    """For the later steps of an act: whatever goes wrong in them, the first has taken effect and must be undone."""
    try:
        yield
    except ActionFailed as error:
        raise ActionFailed(error.message, error.hint, "unknown") from error


def failed(asked: str, context: str, status: int, body: bytes) -> ApiFailed:
    """The error for an answer other than success. `asked` says what was asked for, e.g. "GET /api/v1/nodes"."""
    said = _message(body) or f"status {status}"
    if status == 401:
        return ApiFailed(
            f"{context} does not accept these credentials: {said}",
            "they are wrong or have expired: log in again, then try `kubectl get pods` with the same kubeconfig",
            "no",
            status,
        )
    if status == 403:
        return ApiFailed(f"{context} forbids it: {said}", RIGHTS_HINT, "no", status)
    kinds: dict[int, type[ApiFailed]] = {404: NotThere, 409: Conflict, 429: Blocked, 410: Expired}
    kind = kinds.get(status, ApiFailed)
    return kind(f"{context} answered {status} to {asked}: {said}", "", "no" if status < 500 else "unknown", status)


def unreachable(context: str, server: str, why: str) -> Unreachable:
    return Unreachable(
        f"{context} does not answer at {server}: {why}", "is the cluster up, and is this the right kubeconfig?"
    )


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Status).message.strip()
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace").strip()
