"""Settings of one kind of resource: how they are read and written. Who changes them when is not decided here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import Seen, Values


class Aspect(Protocol):
    """`name` stands in tags and is said of what was left; `kind` is that of the things that have these settings."""

    name: str
    kind: str

    @property
    def capability(self) -> type: ...

    @property
    def needs(self) -> tuple[Need, ...]: ...

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        """All settings; of those named also which can be set no more. Raises NotThere when the thing is gone."""
        ...

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        """Absolute; settings that are not named stay as they are. Raises ApiFailed."""
        ...
