"""The few shapes of PromQL that dashboards need, each right when nothing has happened yet.

A counter of something rare has no series before it happens. What is then shown must be 0, not "no data", which is what
a broken dashboard looks like; and without any traffic a share must be nothing, not 0/0.

Series carry the labels service, region and instance of where they were scraped; a call's own region, that of the called
instance, is `exported_region`, as Prometheus renames it. `chaos_...` is what `chaos metrics` tells of runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_platform.observability.grafana import Query, Variable

PER = "[$__rate_interval]"
FAILED = 'status=~"5..|0"'
"""Status 0 is a request that got no answer at all."""
FAULTS = "max by (fault, target) (chaos_fault_active) == 1"
REGION = Variable(name="region", metric="requests_total", label="region")
HERE = 'region=~"$region"'
"""Where the reader of a dashboard with the variable REGION wants to look."""


def selector(metric: str, *matchers: str) -> str:
    return f"{metric}{{{', '.join(filter(None, matchers))}}}"


def narrowed(selected: str, matcher: str) -> str:
    """A selector with one more matcher."""
    return f"{selected.removesuffix('}')}, {matcher}}}"


def rate(counter: str, by: str = "") -> str:
    """A second, summed up, by labels."""
    return f"sum{_by(by)} (rate({counter}{PER}))"


def rate_or_zero(rare: str, usual: str, by: str = "") -> str:
    """The rate of what may never have happened; 0 wherever the usual thing does."""
    return f"{rate(rare, by)} or 0 * {rate(usual, by)}"


def count_or_zero(true: str, of: str, by: str) -> str:
    """How many series of `of` are as `true` says, such as "> 0"; 0 where none is."""
    return f"count{_by(by)} ({of} {true}) or 0 * count{_by(by)} ({of})"


def share(part: str, whole: str, by: str = "") -> str:
    """How much of `whole` is `part`, 0..1; nothing where there is no traffic."""
    return f"({rate_or_zero(part, whole, by)}) / ({rate(whole, by)} > 0)"


def quantile(buckets: str, of: float, by: str = "") -> str:
    """In the histogram's own unit."""
    return f"histogram_quantile({of}, {rate(buckets, ', '.join(filter(None, ('le', by))))})"


def quantiles(buckets: str, of: Sequence[float] = (0.5, 0.95, 0.99)) -> tuple[Query, ...]:
    return tuple(Query(quantile(buckets, each), f"p{100 * each:g}") for each in of)


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
