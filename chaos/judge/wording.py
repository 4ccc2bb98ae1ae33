"""Numbers and lists in sentences: one way to write them in the verdict and in every report."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Literal

from chaos.model.experiment import Load, Threshold
from chaos.model.plan import Plan
from chaos.model.sample import GROWTH, NEVER_MS, Count, Measurement, Ratio
from chaos.model.verdict import Estimate

Measures = Literal["share", "milliseconds", "number"]


def measures_of(measurement: Measurement | None, threshold: Threshold) -> Measures:
    """What the numbers of an objective are: a journal keeps measurements, not the probe that took them."""
    if isinstance(measurement, Count):
        return "number"
    text = threshold.text.strip()
    if isinstance(measurement, Ratio) or (measurement is None and text.endswith("%")):
        return "share"
    return "milliseconds" if text.endswith("s") else "number"


def value_text(value: float, measures: Measures) -> str:
    """A value with its unit and as many digits as say something: 99.82%, 184 ms, 2.31 s, 1,240."""
    if measures == "share":
        return share_text(value)
    if measures == "milliseconds":
        return milliseconds_text(value)
    return number_text(value)


def share_text(share: float) -> str:
    """Never rounded to 0% or 100% unless it is exactly that."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    distance = 100 * min(share, 1 - share)
    digits = 1 if distance >= 1 else min(8, max(2, math.ceil(-math.log10(distance))))
    return f"{share:.{digits}%}"


def is_never(value_ms: float) -> bool:
    """The bucket of requests that never got a good answer (model/sample.py); its lower edge counts too."""
    return value_ms >= NEVER_MS / GROWTH**2


def milliseconds_text(value_ms: float) -> str:
    if is_never(value_ms):
        return "never"
    if value_ms >= 1000:
        return f"{value_ms / 1000:.3g} s" if value_ms < 99_950 else f"{value_ms / 1000:,.0f} s"
    return f"{value_ms:.3g} ms" if value_ms < 999.5 else f"{value_ms:.0f} ms"


def number_text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def seconds_text(seconds: float) -> str:
    """A length of time: 0.4 s, 12 s, 3 min 20 s."""
    if seconds >= 119.5:
        return f"{round(seconds) // 60} min {round(seconds) % 60} s"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def rate_text(rate: float) -> str:
    """A burn rate: 0.4 times, 2.7 times, 45 times."""
    return f"{rate:.1f} times" if rate < 9.95 else f"{rate:,.0f} times"


def interval_text(estimate: Estimate, measures: Measures) -> str:
    """The two ends, e.g. "99.4% to 99.9%"; an end that the data cannot bound is said to be open."""
    if estimate.low is None and estimate.high is None:
        return "not bounded by so few samples"
    low = "anything below" if estimate.low is None else value_text(estimate.low, measures)
    if measures == "milliseconds" and estimate.low is not None and is_never(estimate.low):
        return "never"
    high = "anything above" if estimate.high is None else value_text(estimate.high, measures)
    return f"{low} to {high}"


def bytes_text(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def listed(items: Sequence[str], most: int = 3) -> str:
    """ "a, b and c", or "a, b, c and 4 more"."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def kind_text(kind: str) -> str:
    """The kind of a fault in prose: "region outage"."""
    return kind.replace("_", " ")


def load_text(load: Load) -> str:
    """How much load there will be: "8 arrivals/s for 10 s, to 20 arrivals/s over 5 s, then 8 arrivals/s, 2 workers"."""
    unit = " arrivals/s" if load.users is None else " users"
    level = load.users or load.arrivals_per_second or 0.0
    text = f"{level:g}{unit}"
    for stretch in load.shape:
        text += f", then {stretch.begin:g}{unit}" if stretch.begin != level else ""
        level = stretch.end
        if stretch.begin == stretch.end:
            text += f" for {seconds_text(stretch.seconds)}" if stretch.seconds else ""
        else:
            text += f", to {level:g}{unit} over {seconds_text(stretch.seconds)}"
    text += f", mix {load.mix}" if load.mix else ""
    text += f", time scale {load.time_scale:g}" if load.time_scale != 1 else ""
    return text + (f", {load.workers} workers" if load.workers > 1 else "")


def repeat_command(plan: Plan) -> str:
    """The command that does the same again: same file, same seed, so the same targets at the same times."""
    if plan.repeat:
        return plan.repeat
    source = shlex.quote(plan.experiment.source or "EXPERIMENT.yaml")
    return f"chaos run {source} --seed {plan.seed}"
