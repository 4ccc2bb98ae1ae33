"""A journal of an hour, judged in a process of its own. `make bench PYTEST_ARGS="-s -k journal"`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from chaos.catalog import Catalog
from chaos.journal.write import JournalWriter
from chaos.model.environment import EnvironmentRef
from chaos.model.events import Event, Loaded, PhaseBegan, RunEnded, RunStarted, Sampled
from chaos.model.experiment import Experiment, Load, Objective, PluginUse, Threshold
from chaos.model.plan import Plan
from chaos.model.probe import LoadProbe
from chaos.model.sample import Histogram, LoadReport, LoadStream, Measurement, NoSample

SECONDS = 3600
REQUESTS_A_SECOND = 560
KINDS = ("session", "home", "title", "play", "start", "playlist", "segment")
REGIONS = ("east", "west")
START = 1_795_000_000.0
JUDGE = """
import gc, json, resource, sys, time
from pathlib import Path
from chaos.journal.read import read
from chaos.judge.verdict import judge
gc.set_threshold(50_000)  # as the command does
began = time.process_time()
events = read(Path(sys.argv[1]))
read_at = time.process_time()
verdict = judge(events)
print(json.dumps({"read": read_at - began, "judge": time.process_time() - read_at, "outcome": verdict.outcome,
    "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "events": len(events)}))
"""


def test_a_journal_of_an_hour_and_two_million_requests(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    total = _write(journal)
    assert total > 2_000_000
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", JUDGE, str(journal)], capture_output=True, text=True, check=True)
        said = json.loads(done.stdout)
        print(f"\n{total:,} requests in {said['events']:,} lines, {journal.stat().st_size / 2**20:.0f} MiB", end="")
        print(
            f": read {said['read']:.2f} s, judged {said['judge']:.2f} s of CPU, {said['mib']:.0f} MiB at most", end=""
        )
        assert said["outcome"] == "held"


def _write(journal: Path) -> int:
    experiment = _experiment()
    plan = Plan(
        experiment=experiment,
        environment=EnvironmentRef(kind="local", name="here"),
        seed=1,
        steps=(),
        seconds=SECONDS,
    )
    process = {"pid": 1, "started": 1}
    probes = {each.name: Catalog().build_probe(each.probe) for each in experiment.objectives}
    draw, total = random.Random(1), 0
    with JournalWriter(journal) as writer:
        writer.record(RunStarted(at=START, run="r", version="0", plan=plan, process=process))
        writer.record(PhaseBegan(at=START, phase="baseline"))
        for second in range(int(START), int(START) + SECONDS):
            streams = tuple(_stream(second, kind, region, draw) for kind in KINDS for region in REGIONS)
            total += sum(stream.count for stream in streams)
            values: dict[str, Measurement] = {}
            for name, probe in probes.items():
                assert isinstance(probe, LoadProbe)
                measured = probe.reduce(streams)
                assert not isinstance(measured, NoSample)
                values[name] = measured
            lines: tuple[Event, ...] = (
                Loaded(at=second + 1.0, report=LoadReport(at=second + 1.0, streams=streams, lag_ms=2.0)),
                Sampled(at=second + 1.0, of=float(second), values=values),
            )
            writer.record(*lines)
        writer.record(RunEnded(at=START + SECONDS + 1, by="run"))
    return total


def _stream(second: int, request: str, region: str, draw: random.Random) -> LoadStream:
    count = REQUESTS_A_SECOND // (len(KINDS) * len(REGIONS))
    values = [draw.lognormvariate(3.5, 0.6) for _ in range(count)]
    histogram = Histogram.of(values)
    return LoadStream(
        second=second, request=request, region=region, count=count, sum_value=sum(values), histogram=histogram
    )


def _experiment() -> Experiment:
    """Ten objectives: five shares and five quantiles."""
    objectives = []
    for number in range(5):
        share = PluginUse(kind="load_ratio", parameters={"request": KINDS[number]})
        quantile = PluginUse(kind="load_quantile", parameters={"request": KINDS[number], "quantile": 0.95})
        objectives.append(Objective(name=f"share {number}", probe=share, threshold=Threshold(">=", 0.99, ">= 99%")))
        objectives.append(Objective(name=f"p95 {number}", probe=quantile, threshold=Threshold("<=", 500, "<= 500ms")))
    load = Load(locustfile="viewers", arrivals_per_second=50)
    return Experiment(name="hour", hypothesis="h", objectives=tuple(objectives), method=(), load=load)
