"""Every mistake is told with its place, what was read, what is allowed, and what may have been meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos.catalog import BrokenPlugin
from chaos.model.errors import BadInput, ExitCode
from chaos.spec import BadFile, load_experiment, read_experiment
from tests.unit.spec.fakes import MINIMAL, PLUGINS, FakePlugins, errors, read

LOAD = "load: {locustfile: viewers, users: 3}\n"


def changed(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def step(text: str) -> str:
    """The minimal experiment with one more step, in line 13."""
    return f"{MINIMAL}  - {text}\n"


FAULT = "target: {instance: {service: edge}}, duration: 1s}"

ONE_MISTAKE = {
    "an unknown key": (
        changed("hypothesis:", "hypothesys:"),
        '4:1: an experiment has no key "hypothesys"',
        "hypothesis",
    ),
    "no name": (changed("name: small\n", ""), "1:1: an experiment needs the key `name`", ""),
    "a name with blanks": (changed("small", "so small"), '3:7: name: "so small" cannot be a name', "letters"),
    "an unknown fault": (changed("kill", "kil"), '10:12: method[0].fault: there is no fault "kil"', '"kill"'),
    "an unknown probe": (changed("http:", "htpp:"), '7:13: steadyState[0].probe: there is no probe "htpp"', '"http"'),
    "a bare number": (changed("5s", "5"), "12:15: method[0].duration: 5 has no unit: write 5ms, 5s or 5m", ""),
    "a duration of 0": (changed("5s", "0s"), '12:15: method[0].duration: "0s" is not above 0', ""),
    "a target without an operator": (changed('">= 99%"', "99%"), '"99%" is not a target', ">= 99.9%"),
    "a target above all": (changed(">= 99%", ">= 101%"), '"101%" is more than all', ""),
    "a target that is always met": (changed(">= 99%", ">= 0%"), 'the target ">= 0%" is always met', ""),
    "a target that is never met": (changed(">= 99%", "> 100%"), 'the target "> 100%" is never met', ""),
    "a target in the wrong unit": (changed(">= 99%", "< 800ms"), '"800ms" is not a share', ""),
    "no samples": (changed("99%", '99%"\n    minSamples: "0'), "expected a whole number without quotes", ""),
    "too few samples": (changed('99%"', '99%"\n    minSamples: 0'), '"0" is below 1', ""),
    "a promise that nobody knows": (
        f"{MINIMAL}{LOAD}dataSafety: [charged_onec]\n",
        '"charged_onec" is not allowed',
        "charged_once",
    ),
    "a promise that nobody could check": (f"{MINIMAL}dataSafety: [charged_once]\n", "this experiment has no load", ""),
    "a confidence of all": (changed('99%"', '99%"\n    confidence: 100%'), "below 100%", ""),
    "an unknown window": (changed('99%"', '99%"\n    window: fualt'), '"fualt" is not allowed', '"fault"'),
    "no objective": (MINIMAL.partition("steadyState")[0] + "steadyState: []\n", "at least one objective", ""),
    "an empty selector": (changed("{service: edge}", "{}"), "an empty selector would mean every instance", "service"),
    "no selector": (changed("{instance: {service: edge}}", "{amount: all}"), "needs instance, link or region", ""),
    "two selectors": (changed("edge}}", "edge}, region: {name: x}}"), "of one kind, this has instance and region", ""),
    "a misspelt kind": (changed("instance:", "instanse:"), 'a target has no key "instanse"', '"instance"'),
    "a misspelt label": (changed("service: edge", "sevice: edge"), 'no label "sevice"', '"service"'),
    "a label of another kind": (changed("service: edge", "to: edge"), 'an instance has no label "to"', "service"),
    "a label without values": (changed("edge}", "[]}"), "an empty list of values matches nothing", ""),
    "a target of the wrong kind": (
        changed("instance: {service: edge}", "region: {name: eu}"),
        "11:14: method[0].target: the fault breaks an instance, the target is a region",
        "service",
    ),
    "each of what is no label": (changed("edge}}", "edge}, each: regoin}"), 'no label "regoin"', '"region"'),
    "half as a word": (changed("edge}}", "edge}, amount: half}"), '"half" is not an amount', "50%"),
    "an amount of none": (changed("edge}}", "edge}, amount: 0}"), '"0" is not an amount', "50%"),
    "a step of no kind": (step("{}"), "a step has one of fault, wait, waitUntil, parallel and sequence", ""),
    "a step of two kinds": (step("{wait: 1s, parallel: []}"), "this has wait and parallel", ""),
    "a misspelt kind of step": (
        step("fualt: {kill: }\n    " + FAULT[:-1].replace(", ", "\n    ")),
        '"fualt"',
        '"fault"',
    ),
    "an empty group": (step("parallel: []"), "13:5: method[1]: a parallel group needs at least one step", ""),
    "an empty row": (step("sequence: []"), "13:5: method[1]: a sequence needs at least one step", ""),
    "nothing meanwhile": (
        step("{fault: kill, target: {instance: {service: edge}}, meanwhile: []}"),
        "at least one step",
        "",
    ),
    "held for two times": (
        step("{fault: kill, target: {instance: {service: edge}}, duration: 1s, meanwhile: [{wait: 1s}]}"),
        "a fault has a duration, or steps meanwhile",
        "",
    ),
    "held again and again": (
        step("{fault: kill, target: {instance: {service: edge}}, repeat: 2, meanwhile: [{wait: 1s}]}"),
        "a step that is repeated has a duration, and no steps meanwhile",
        "",
    ),
    "two steps of one name": (
        step("{wait: 1s, name: x}\n  - {wait: 1s, name: x}"),
        "14:22: method[2].name: two steps",
        "",
    ),
    "a parameter that is too small": (
        step("{fault: {latency: {delay: 0}}, target: {link: {to: edge}}, duration: 1s}"),
        '13:31: method[1].fault.latency.delay: "0" is not allowed: it must be above 0ms',
        "",
    ),
    "a parameter that is missing": (
        step("{fault: latency, target: {link: {to: edge}}, duration: 1s}"),
        "13:13: method[1].fault.latency: latency needs the key `delay`",
        "",
    ),
    "parameters beside the fault": (
        step("{fault: {everything: , count: 2}, " + FAULT),
        "expected one fault and found 2 keys: everything, count",
        "{everything: {parameter: value}}",
    ),
    "parameters that do not go together": (step("{fault: {everything: {mode: hard}}, " + FAULT), "needs force", ""),
    "yes for true": (
        step("{fault: {everything: {force: yes}}, " + FAULT),
        'expected true or false, this is "yes"',
        "1.2",
    ),
    "an octal number": (step("{fault: {everything: {count: 010}}, " + FAULT), "octal", ""),
    "a fraction for a count": (step("{fault: {everything: {count: 1.5}}, " + FAULT), "expected a whole number", ""),
    "half a byte": (step("{fault: {everything: {grace: 1us}}, " + FAULT), "finer than what can be set", ""),
    "an unknown choice": (
        step("{fault: {everything: {mode: harsh}}, " + FAULT),
        '"harsh" is not allowed',
        "hard, soft",
    ),
    "a list for a number": (step("{fault: {everything: {hold: [1s]}}, " + FAULT), "this is a list", ""),
    "a number for a list": (step("{fault: {everything: {words: 1}}, " + FAULT), "expected a list of values", ""),
    "a load probe without load": (
        changed('http: {url: "http://127.0.0.1/"}', "load_ratio: {request: home}"),
        "reads the load generator's report, and there is no `load:`",
        "add a load section",
    ),
    "neither arrivals nor users": (
        MINIMAL + "load: {locustfile: viewers}\n",
        "13:7: load: load needs arrivals or",
        "8/s",
    ),
    "both arrivals and users": (MINIMAL + LOAD.replace("}", ", arrivals: 8/s}"), "both arrivals and users", "8/s"),
    "no such locustfile": (MINIMAL + LOAD.replace("viewers", "./none.py"), "there is no file", "relative"),
    "a quantile outside": (
        changed("http: {url:", "load_quantile: {quantile: 100%, request:").replace(">= 99%", "< 1s") + LOAD,
        'quantile: "100%" is not allowed: it must be below 100%',
        "",
    ),
    "an unknown objective": (
        MINIMAL + "guardrails:\n  - objective_floor: {objective: serve, floor: 50%}\n",
        '14:34: guardrails[0].objective_floor.objective: there is no objective "serve"',
        '"served"',
    ),
    "a floor in the wrong unit": (
        MINIMAL + "guardrails:\n  - objective_floor: {objective: served, floor: 50ms}\n",
        '14:49: guardrails[0].objective_floor.floor: "50ms" is not a share',
        "",
    ),
    "half an early stop": (MINIMAL + "limits: {stopEarly: yes}\n", '"yes"', "YAML 1.2 knows no yes, no, on, off"),
    "a limit of 0": (MINIMAL + "limits: {maxTargets: 0%}\n", '"0%" is not above 0', ""),
    "a seed below 0": (MINIMAL + "seed: -1\n", '"-1" is below 0', ""),
    "a window that never opens": (
        MINIMAL.partition("method:")[0].replace('99%"', '99%"\n    window: fault'),
        'the window "fault" never opens',
        "run",
    ),
    "another version": (
        changed("chaos/v1", "chaos/v2"),
        '1:13: this reads apiVersion chaos/v1, the file has "chaos/v2"',
        "",
    ),
    "an environment": (changed("Experiment", "Environment"), "this is an environment, expected an experiment", "--env"),
    "a kind that is none": (changed("Experiment", "Experimnt"), '"Experimnt" is no kind of file', '"Experiment"'),
    "characters for the terminal": (changed("it holds", '"\\e[2J"'), "cannot be printed", ""),
}


@pytest.mark.parametrize(("text", "says", "hint"), ONE_MISTAKE.values(), ids=ONE_MISTAKE.keys())
def test_one_mistake_is_one_problem(text: str, says: str, hint: str) -> None:
    found = errors(text)
    assert len(found) == 1, found
    sentence, _, given = found[0].partition(" | ")
    assert says in sentence
    assert hint in given


def test_all_problems_of_a_file_are_told_at_once_in_the_order_they_stand() -> None:
    text = (
        MINIMAL.replace("name: small", "name: so small")
        .replace("hypothesis", "hypothesys")
        .replace("99%", "99")
        .replace("kill", "kil")
        .replace("5s", "5")
    ) + "limits: {maxDuration: 2}\nlimits: {}\n"
    places = [problem.split(" ")[0] for problem in errors(text)]
    assert places == ["3:7:", "4:1:", "8:13:", "10:12:", "12:15:", "13:23:", "14:1:"]


def test_the_error_is_bad_input_with_file_and_structured_problems() -> None:
    with pytest.raises(BadFile) as caught:
        read(changed("kill", "kil").replace("5s", "5"))
    error = caught.value
    assert error.exit_code is ExitCode.BAD_INPUT
    assert isinstance(error, BadInput)
    assert str(error).splitlines()[0] == "x.yaml: 2 problems"
    assert "x.yaml:10:12: method[0].fault: there is no fault" in str(error)
    assert [(problem.mark.line, problem.path) for problem in error.problems] == [
        (10, "method[0].fault"),
        (12, "method[0].duration"),
    ]


def test_a_label_of_ones_own_is_allowed() -> None:
    read(changed("service: edge", "tier: front, app.kubernetes.io/name: edge"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"# nothing but a comment\n", "the file is empty"),
        (b"---\n...\n", "only comments or `null`"),
        (b"- a\n- b\n", "this is a list"),
        (b"just words", 'this is "just words"'),
        (b"a: \xff\xfe", "not UTF-8 text: line 1 holds the byte 0xff"),
        (b"\x7fELF\x00\x00", "not YAML"),
        (b"a: [1, 2\n", "not YAML"),
        (b"a: b: c\n", "needs quotes"),
        (b"a: 1\n---\nb: 2\n", "a second document begins here"),
        (b"target: >= 99%\n", 'begins with ">" needs quotes'),
        (b"a:\n\tb: 1\n", "not with tabs"),
        (b"x" * 300_000, "larger than 256 KiB"),
    ],
)
def test_what_is_no_experiment_at_all_is_told_in_one_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        load_experiment(path, PLUGINS)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file"):
        load_experiment(tmp_path / "none.yaml", PLUGINS)
    with pytest.raises(BadInput, match="is a directory, not a file"):
        load_experiment(tmp_path, PLUGINS)
    with pytest.raises(BadInput, match="cannot be read"):
        load_experiment(Path("/proc/self/mem"), PLUGINS)  # exists, and reading it fails, also for root
    with pytest.raises(BadInput, match="cannot be read"):
        load_experiment(Path("a\0b"), PLUGINS)


class _WithABrokenFault(FakePlugins):
    def fault(self, kind: str) -> type[Any]:
        raise BrokenPlugin(f"kill.py: the fault {kind!r} is broken: it has no method revert")


def test_a_broken_plug_in_is_told_where_it_is_used_beside_all_other_problems() -> None:
    with pytest.raises(BadFile) as caught:
        read_experiment(changed("5s", "5"), "x.yaml", _WithABrokenFault())
    assert [problem.mark.line for problem in caught.value.problems] == [10, 12]
    assert "no method revert" in caught.value.problems[0].message
