"""aws/health_check: Route 53 takes what is healthy for unhealthy, and sends users elsewhere."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.aws_changes import CanInvertCheck, Changing, Values


class HealthCheck(Changing, frozen=True, kw_only=True):
    """Inverts a Route 53 health check: records that depend on it fail over, though nothing is broken.

    Seen as active when Route 53 says that the check is inverted, as over when it is not; what its checkers reach is
    told as well. Resolvers keep answers for their time to live. A tag of the check bears run and expiry; a detached
    process ends the lease. A check that is inverted already is left alone.
    """

    needs: ClassVar[type] = CanInvertCheck

    def wanted(self, now: Values) -> Values:
        return {"inverted": True}
