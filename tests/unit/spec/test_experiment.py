"""A file becomes an Experiment."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chaos.model.experiment import (
    Amount,
    Experiment,
    FaultStep,
    Limits,
    Load,
    ParallelStep,
    PluginUse,
    Stretch,
    Threshold,
    WaitStep,
    WaitUntilStep,
)
from chaos.spec import load_experiment
from chaos.spec.problems import BadFile
from tests.unit.spec.fakes import MINIMAL, PLUGINS, read

WHOLE = """\
apiVersion: chaos/v1
kind: Experiment
name: whole
hypothesis: >-
  When all is used,
  all is read.
description: |
  First line.
  Second line.
tags: [links, 2024]
seed: 7
variables: {delay: 2s}
steadyState:
  - name: served
    probe: {load_ratio: {request: home}}
    target: ">= 99%"
    window: fault
    minSamples: 100
    confidence: 99%
  - {name: fast, probe: {load_quantile: {request: home, quantile: 95%}}, target: "< 0.8s", window: after}
  - {name: closed, probe: breakers, target: "<= 3"}
load:
  locustfile: viewers
  arrivals: 480/m
  timeScale: 4
  warmUp: 1s
  baseline: 2s
  drain: 3s
  maxLag: 400ms
  host: http://127.0.0.1:1
  settings: {MODE: fast, DEBUG: true, N: 1}
method:
  - fault: {latency: {delay: "${delay}", jitter: 200ms}}
    target: {link: {from: gateway, to: [recommendations, catalog]}, amount: all}
    duration: 15s
  - wait: 3s
  - waitUntil: {probe: {http: {url: "http://127.0.0.1"}}, target: "> 50%", timeout: 1m}
  - parallel:
      - {fault: kill, name: a death, target: {instance: {service: edge}, amount: 3}, duration: 1s}
      - {fault: {kill: }, target: {instance: {service: edge}, amount: 50%}, duration: 1s}
recovery: 6s
guardrails:
  - objective_floor: {objective: served, floor: 50%}
  - objective_floor: {objective: fast, floor: 2s, over: 10s}
limits: {maxDuration: 2m, maxTargets: 50%, leaseMargin: 11s}
"""


def test_the_smallest_experiment_gets_the_defaults_of_the_model() -> None:
    experiment = read(MINIMAL)
    assert (experiment.name, experiment.hypothesis, experiment.seed, experiment.load) == (
        "small",
        "it holds",
        None,
        None,
    )
    assert experiment.limits == Limits()
    assert experiment.objectives[0].probe == PluginUse(
        kind="http", parameters={"url": "http://127.0.0.1/", "every_seconds": 1.0}
    )
    assert experiment.method[0].name == "kill one instance with service=edge"


def test_a_run_may_be_allowed_to_stop_early() -> None:
    assert read(MINIMAL + "limits: {stopEarly: true}\n").limits == Limits(stop_early=True)


def test_texts_are_read_as_people_mean_them() -> None:
    experiment = read(WHOLE)
    assert experiment.hypothesis == "When all is used, all is read."
    assert experiment.description == "First line.\nSecond line."
    assert experiment.tags == ("links", "2024")
    assert experiment.source == "x.yaml"


def test_objectives_have_thresholds_in_the_unit_their_probe_measures() -> None:
    served, fast, closed = read(WHOLE).objectives
    assert served.threshold == Threshold(">=", 0.99, ">= 99%")
    assert (served.window, served.min_samples, served.confidence) == ("fault", 100, 0.99)
    assert fast.threshold == Threshold("<", 800.0, "< 0.8s")
    assert fast.probe.parameters == {"request": "home", "quantile": 0.95}
    assert closed.threshold == Threshold("<=", 3.0, "<= 3")


def test_load_is_read_with_units_and_settings_stay_text() -> None:
    assert read(WHOLE).load == Load(
        locustfile="viewers",
        arrivals_per_second=8.0,
        time_scale=4.0,
        warm_up_seconds=1.0,
        baseline_seconds=2.0,
        drain_seconds=3.0,
        max_lag_ms=400.0,
        host="http://127.0.0.1:1",
        settings={"MODE": "fast", "DEBUG": "true", "N": "1"},
    )


def test_the_method_holds_all_kinds_of_steps() -> None:
    late, wait, until, together = read(WHOLE).method
    assert isinstance(late, FaultStep)
    assert late.fault == PluginUse(kind="latency", parameters={"delay_ms": 2000.0, "jitter_ms": 200.0})
    assert late.selector.kind == "link"
    assert late.selector.labels == {"from": ("gateway",), "to": ("recommendations", "catalog")}
    assert late.selector.amount == Amount("all")
    assert wait == WaitStep(name="wait 3s", seconds=3.0)
    assert isinstance(until, WaitUntilStep)
    assert (until.threshold, until.timeout_seconds) == (Threshold(">", 0.5, "> 50%"), 60.0)
    assert isinstance(together, ParallelStep)
    assert [step.selector.amount for step in together.steps if isinstance(step, FaultStep)] == [
        Amount("count", count=3),
        Amount("share", share=0.5),
    ]


def test_a_guardrails_bound_is_in_the_unit_of_its_objective() -> None:
    assert [use.parameters for use in read(WHOLE).guardrails] == [
        {"objective": "served", "floor": 0.5, "over_seconds": 5.0},
        {"objective": "fast", "floor": 2000.0, "over_seconds": 10.0},
    ]


def test_steps_without_a_name_get_unique_ones() -> None:
    twice = MINIMAL + "  - {fault: kill, target: {instance: {service: edge}}, duration: 5s}\n"
    thrice = twice + "  - {wait: 1s, name: kill one instance with service=edge (2)}\n"
    names = [step.name for step in read(thrice).method]
    assert names[0] == "kill one instance with service=edge"
    assert len(set(names)) == 3
    assert names[2].endswith("(2)")


def test_a_method_without_any_fault_is_a_check_of_the_steady_state() -> None:
    assert read(MINIMAL.partition("method:")[0]).method == ()
    assert read(MINIMAL.partition("method:")[0] + "method: []").method == ()


def test_every_type_of_parameter_is_read() -> None:
    everything = """fault: {everything: {hold: 2m, grace: 2s, loss: 10%, calls: 30/m, burst: 64KiB, count: 3,
      factor: 2, force: true, mode: hard, words: [no, 007, off], waits: [1s, 250ms], headers: {accept: yes},
      maybe: 3s, nested: {burst: 1KiB}, extra: {a: [1, 1.5, no, null, true, "1"]}}}"""
    step = read(MINIMAL.replace("fault: kill", everything)).method[0]
    assert isinstance(step, FaultStep)
    assert step.fault.parameters == {
        "hold_seconds": 120.0,
        "grace_ms": 2000,
        "loss_share": 0.1,
        "calls_per_second": 0.5,
        "burst_bytes": 65536,
        "count": 3,
        "factor": 2.0,
        "force": True,
        "mode": "hard",
        "words": ["no", "007", "off"],
        "waits_seconds": [1.0, 0.25],
        "headers": {"accept": "yes"},
        "maybe_seconds": 3.0,
        "nested": {"burst_bytes": 1024, "note": ""},
        "extra": {"a": [1, 1.5, "no", None, True, "1"]},
    }


def test_an_experiment_survives_its_journal() -> None:
    experiment = read(WHOLE.replace("{kill: }", "{everything: {words: [a], nested: {burst: 1B}}}"))
    assert msgspec.json.decode(msgspec.json.encode(experiment), type=Experiment) == experiment


def test_a_locustfile_of_ones_own_is_found_beside_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    path = tmp_path / "experiment.yaml"
    path.write_text(MINIMAL + "load: {locustfile: mine.py, users: 3}\n")
    load = load_experiment(path, PLUGINS).load
    assert load is not None
    assert (load.locustfile, load.users) == (str(tmp_path / "mine.py"), 3)


def _load_of(text: str) -> Load:
    load = read(MINIMAL + f"load: {{locustfile: viewers, {text}}}\n").load
    assert load is not None
    return load


def test_a_shape_is_read_as_stretches_that_begin_where_the_last_one_ended() -> None:
    shape = "[{hold: 10s}, {ramp: {to: 20/s, over: 5s}}, {hold: 1m}, {step: 5/s}]"
    assert _load_of(f"arrivals: 8/s, shape: {shape}").shape == (
        Stretch(seconds=10, begin=8, end=8),
        Stretch(seconds=5, begin=8, end=20),
        Stretch(seconds=60, begin=20, end=20),
        Stretch(seconds=0, begin=5, end=5),
    )
    assert _load_of("users: 3, shape: [{step: 9}, {hold: 2s}, {ramp: {to: 1, over: 4s}}]").shape == (
        Stretch(seconds=2, begin=9, end=9),
        Stretch(seconds=4, begin=9, end=1),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arrivals: 8/s, shape: [{hold: 10}]", "load.shape[0]: 10 has no unit"),
        ("arrivals: 8/s, shape: [{jump: 9/s}]", 'load.shape[0]: a shape has no part "jump"'),
        ("arrivals: 8/s, shape: [{ramp: {to: 9/s}}]", "load.shape[0]: a ramp needs the key `over`"),
        ("arrivals: 8/s, shape: [{step: 9}]", "load.shape[0]: 9 has no unit"),
        ("users: 8, shape: [{step: 9/s}]", "load.shape[0]: "),
        ("users: 8, shape: [{step: 0}]", 'load.shape[0]: "0" is below 1'),
        ("users: 8, shape: [hold]", "load.shape[0]: hold says neither how long nor how much"),
        ("users: 8, workers: 65", "load.workers: 65 workers are more than the 64 that are allowed"),
        ("users: 8, workers: 0", 'load.workers: "0" is below 1'),
        ("users: 8, mix: ./none.yaml", "load.mix: there is no file "),
    ],
)
def test_mistakes_in_a_load_say_where_and_what(text: str, said: str) -> None:
    with pytest.raises(BadFile) as caught:
        _load_of(text)
    assert said in str(caught.value)
