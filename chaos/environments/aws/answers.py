"""What AWS's refusals mean, in sentences. Translated here once; nothing else reads an error code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from chaos.model.errors import ActionFailed

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

Place = TypeVar("Place")

RIGHTS_HINT = "`chaos environments iam EXPERIMENT -e FILE` prints the policy that an experiment needs"
_DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "Forbidden",
    "NotAuthorized",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
)
_THROTTLED = (
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
"""Those that botocore asks again for (botocore.retries.standard.ThrottledRetryableChecker)."""

_CREDENTIALS = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


class ApiFailed(ActionFailed):
    """AWS said no, or nothing. `code` is AWS's word for it, empty when no answer came."""

    def __init__(
        self, message: str, hint: str = "", took_effect: Literal["no", "unknown"] = "unknown", code: str = ""
    ) -> None:
        super().__init__(message, hint, took_effect)
        self.code = code

    @property
    def concerns_one(self) -> bool:
        """It may be for one of several resources, not for whoever asks nor for how often."""
        return self.code not in (*_DENIED, *_THROTTLED, *_CREDENTIALS)


class NotThere(ApiFailed):
    """There is no such resource (any more)."""


class NotNow(ApiFailed):
    """The resource is on its way from one state to another, or somebody else changes it."""


@contextmanager
def after_a_change() -> Iterator[None]:
    """For the later steps of an act: whatever goes wrong in them, the first has taken effect and must be undone."""
    try:
        yield
    except ActionFailed as error:
        raise ActionFailed(error.message, error.hint, "unknown") from error


def in_each(places: Sequence[Place], change: Callable[[Place], None]) -> None:
    """For an act on several places: what goes wrong in a later one, the first has been changed and must be undone."""
    for first in places[:1]:
        change(first)
    with after_a_change():
        for later in places[1:]:
            change(later)


def refused(asked: str, error: ClientError) -> ApiFailed:
    """The error for an answer other than success; `asked` is the action and where, e.g. "ec2:StopInstances in eu"."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", "")) or code
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if error.operation_name == "AssumeRole" and code in _DENIED:  # on the way to whatever was asked
        hint = "the role's trust policy must name who we are: `aws sts get-caller-identity`"
        return ApiFailed(f"AWS does not let us take the role: {said}", hint, "no", code)
    if code in _DENIED:
        return ApiFailed(f"AWS does not let us do {asked}: {said}", RIGHTS_HINT, "no", code)
    if code in _THROTTLED:
        hint = "something else uses up the account's rate of requests; try again, or choose fewer targets"
        return ApiFailed(f"AWS throttles {asked}, also when asked again and again: {said}", hint, "no", code)
    if code in _CREDENTIALS:
        hint = "they are wrong or have expired: log in again, then try `aws sts get-caller-identity`"
        return ApiFailed(f"AWS does not accept these credentials: {said}", hint, "no", code)
    took_effect: Literal["no", "unknown"] = "no" if 400 <= status < 500 else "unknown"
    kind = NotThere if _is_missing(code) else NotNow if _is_passing(code) else ApiFailed
    return kind(f"AWS refused {asked}: {said} ({code or status})", "", took_effect, code)


def silent(asked: str, why: str) -> ApiFailed:
    """No answer came: nobody knows what was done."""
    return ApiFailed(f"AWS did not answer {asked}: {why}", "is the network up, and the name of the region right?")


def _is_passing(code: str) -> bool:
    """A machine that is still stopping, or what is deleted while AWS believes that something uses it."""
    return code.startswith("Incorrect") or code in ("DependencyViolation", "InvalidGroup.InUse")


def _is_missing(code: str) -> bool:
    ends = (".NotFound", "NotFoundFault", "NotFound", "NotFoundException", "NonExistentQueue", "DoesNotExist")
    return code.endswith(ends) or code.startswith("NoSuch")
