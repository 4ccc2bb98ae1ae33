"""What two runs have in common that can be compared: their objectives, and each kind of request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from chaos.judge.load import load_summary
from chaos.judge.objectives import window_of
from chaos.judge.series import per_second
from chaos.judge.story import Story, tell
from chaos.judge.wording import Measures, listed, measures_of
from chaos.model.events import Event, Loaded
from chaos.model.experiment import Objective
from chaos.model.sample import NEVER_MS, Histogram, LoadStream, Measurement, Ratio, Spread, bucket_of, count_of

_QUANTILE = 0.95


class Series(Struct, frozen=True, kw_only=True):
    """One SLI of one run, by seconds. `wants_more` says that a larger value is a better one."""

    name: str
    kind: Literal["objective", "request"]
    measures: Measures
    wants_more: bool
    parts: tuple[Measurement, ...]


def sli_pairs(a: Sequence[Event], b: Sequence[Event]) -> tuple[list[tuple[Series, Series]], list[str]]:
    """What both runs have, objectives first, and sentences on how the runs differ by themselves."""
    stories = tell(a), tell(b)
    objectives, notes = _common_objectives(*stories)
    pairs = [(_of_objective(one, stories[0]), _of_objective(other, stories[1])) for one, other in objectives]
    requests = _of_requests(a, stories[0]), _of_requests(b, stories[1])
    told = {_says(one) for one, _ in objectives}
    pairs += [(series, requests[1][name]) for name, series in requests[0].items() if name in requests[1].keys() - told]
    return pairs, [*_unlike(*stories), *notes]


def _common_objectives(a: Story, b: Story) -> tuple[list[tuple[Objective, Objective]], list[str]]:
    first, second = ({each.name: each for each in story.started.plan.experiment.objectives} for story in (a, b))
    common, notes = [], []
    for name in first.keys() & second.keys():
        if first[name].probe != second[name].probe or first[name].window != second[name].window:
            notes.append(f'"{name}" is not compared: the runs measure different things by that name')
        else:
            common.append((first[name], second[name]))
    for which, names in (("A", first.keys() - second.keys()), ("B", second.keys() - first.keys())):
        if names:
            quoted = [f'"{name}"' for name in sorted(names)]
            notes.append(f"only {which} has {listed(quoted)}")
    order = list(first)
    return sorted(common, key=lambda pair: order.index(pair[0].name)), sorted(notes)


def _unlike(a: Story, b: Story) -> Iterator[str]:
    one, other = a.started.plan, b.started.plan
    facts = (
        ("experiments", one.experiment.name, other.experiment.name),
        ("environments", one.environment.name, other.environment.name),
        ("versions of steadfast", a.started.version, b.started.version),
    )
    for what, first, second in facts:
        if first != second:
            yield f"the {what} differ: {first} and {second}"
    if one.experiment.load != other.experiment.load:
        yield "the loads differ"
    if one.experiment.method != other.experiment.method:
        yield "the methods differ"
    if one.seed != other.seed:
        yield f"the seeds differ ({one.seed} and {other.seed}), so targets and arrivals may"


def _of_objective(objective: Objective, story: Story) -> Series:
    window = window_of(objective, story) or (0.0, 0.0)
    parts = tuple(part for second, part in per_second(story, objective.name) if window[0] <= second < window[1])
    return Series(
        name=objective.name,
        kind="objective",
        measures=measures_of(parts[0] if parts else None, objective.threshold),
        wants_more=objective.threshold.operator in (">=", ">"),
        parts=parts,
    )


def _says(objective: Objective) -> str:
    """Which request's SLI, over the whole run and all regions, an objective says already; empty for others."""
    parameters = objective.probe.parameters
    whole = objective.window == "run" and not parameters.get("region")
    if whole and objective.probe.kind == "load_ratio":
        return _answered(str(parameters["request"]))
    same = whole and objective.probe.kind == "load_quantile" and parameters["quantile"] == _QUANTILE
    return _within(str(parameters["request"])) if same else ""


def _answered(request: str) -> str:
    return f"{request}: answered"


def _within(request: str) -> str:
    return f"{request}: 95th percentile"


def _of_requests(events: Sequence[Event], story: Story) -> dict[str, Series]:
    """Share answered and 95th percentile of each kind of request. One that failed was slower than any."""
    kinds = {each.request for each in load_summary(events, story) if not each.is_measure}
    seconds: dict[tuple[str, int], list[LoadStream]] = {}
    begin, end = story.run_window
    for event in events:
        for stream in event.report.streams if isinstance(event, Loaded) else ():
            if stream.request in kinds and begin <= stream.second < end:
                seconds.setdefault((stream.request, stream.second), []).append(stream)
    ratios: dict[str, list[Measurement]] = {}
    spreads: dict[str, list[Measurement]] = {}
    for (request, _), streams in sorted(seconds.items()):
        ratio, spread = _measured(streams)
        if count_of(ratio):
            ratios.setdefault(request, []).append(ratio)
            spreads.setdefault(request, []).append(spread)
    found = [_series(_answered(request), "share", True, parts) for request, parts in ratios.items()]
    found += [_series(_within(request), "milliseconds", False, parts) for request, parts in spreads.items()]
    return {each.name: each for each in sorted(found, key=lambda series: series.name)}


def _series(name: str, measures: Measures, wants_more: bool, parts: Sequence[Measurement]) -> Series:
    return Series(name=name, kind="request", measures=measures, wants_more=wants_more, parts=tuple(parts))


def _measured(streams: Sequence[LoadStream]) -> tuple[Ratio, Spread]:
    total, failures = sum(each.count for each in streams), sum(each.failures for each in streams)
    never = Histogram({bucket_of(NEVER_MS): failures} if failures else {})
    return Ratio(total - failures, total), Spread(
        Histogram.merged([*(each.histogram for each in streams), never]), _QUANTILE
    )
