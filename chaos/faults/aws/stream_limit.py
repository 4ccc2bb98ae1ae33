"""aws/stream_limit: a Kinesis stream has fewer shards, and so takes less."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanSetShards, Changing, Values
from chaos.model.errors import ActionFailed


class StreamLimit(Changing, frozen=True, kw_only=True):
    """Merges the shards of a Kinesis stream until `shards` are left, by default half. Each takes 1000 records a second.

    Half is the least that Kinesis goes to in one step. Seen as active when the stream has that number and is not on its
    way to another, as over when it has the former one again; either takes minutes, so give `settlesWithin` 15. What was
    before stands in a tag of the stream; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSetShards
    shards: Annotated[int, Meta(ge=1)] | None = None

    def wanted(self, now: Values) -> Values:
        there = now["shards"]
        if there is None:
            raise ActionFailed("the stream sizes itself, so it has no shards to take away", took_effect="no")
        least = (int(there) + 1) // 2
        left = least if self.shards is None else self.shards
        if not least <= left <= int(there):
            said = f"the stream has {there} shards, and can be left with {least} to {there}"
            raise ActionFailed(said, "Kinesis halves at most, and more would cost more", took_effect="no")
        return {"shards": left}
