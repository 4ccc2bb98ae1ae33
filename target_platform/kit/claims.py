"""What the token of a session says of its bearer, so that no service has to ask another one for it."""

from __future__ import annotations

from msgspec import Struct


class Claims(Struct, frozen=True):
    """`plan` and `device` are empty for an account without a plan, and for a session that was begun without a device.

    None of the three has a blank in it.
    """

    user: str
    plan: str = ""
    device: str = ""

    @property
    def subject(self) -> str:
        """For Tokens.issue. Who has neither plan nor device is called by the name alone."""
        return f"{self.user} {self.plan} {self.device}" if self.plan or self.device else self.user

    @property
    def home(self) -> str:
        """The region in which the account was made."""
        return self.user.rpartition("@")[2]


def claims_of(subject: str) -> Claims:
    user, _, rest = subject.partition(" ")
    plan, _, device = rest.partition(" ")
    return Claims(user, plan, device)
