"""aws/function_delay: a Lambda function that knows how to wait is told to."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanSetVariable, Changing, Values

Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]+$", description="a variable is letters, digits and _:")]


class FunctionDelay(Changing, frozen=True, kw_only=True):
    """Sets an environment variable of a function to `delay` in milliseconds; the function's own code must read it.

    Every new environment of the function starts cold. Seen as active when the function has that value and Lambda has
    brought it about; that calls take longer is for a probe to see. What was before stands in a tag of the function,
    its other variables nowhere; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSetVariable
    delay_ms: Annotated[float, Meta(gt=0, le=900_000)]
    variable: Name = "STEADFAST_DELAY_MS"

    def wanted(self, now: Values) -> Values:
        return {self.variable: f"{self.delay_ms:g}"}
