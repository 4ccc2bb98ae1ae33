"""JUnit XML for CI systems: junit.xml, one test suite a run.

A test case for each objective, and one for "faults took effect and were reverted". Deviated is a failure,
every other outcome that is not held an error whose type is the outcome: never all green unless it held.
The dialect is the one that Jenkins, GitLab and GitHub's reporters read:
https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.judge.story import Story, tell
from chaos.judge.wording import repeat_command
from chaos.model.events import Event
from chaos.model.verdict import ObjectiveResult, Verdict

FAULTS = "faults took effect and were reverted"
_NOT_IN_XML = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@dataclass(frozen=True)
class Case:
    """One run of a suite; without events when it could not even begin."""

    name: str
    events: Sequence[Event]
    verdict: Verdict


def write(events: Sequence[Event], verdict: Verdict, directory: Path) -> Path:
    """Write junit.xml for one run into the directory and return its path."""
    name = tell(events).started.plan.experiment.name
    return write_suite([Case(name, events, verdict)], directory / "junit.xml")


def write_suite(cases: Sequence[Case], path: Path) -> Path:
    """Write one file over several runs."""
    suites = ET.Element("testsuites", name="chaos")
    suites.extend(_suite(case) for case in cases)
    for name in ("tests", "failures", "errors"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(suites)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n")
    return path


def _suite(case: Case) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(case.name), skipped="0")
    if case.events:
        _tell_of(suite, tell(case.events), case.verdict)
    for result in case.verdict.objectives:
        suite.append(_objective(case.name, result, case.verdict))
    suite.append(_faults(case.name, case.verdict))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    ET.SubElement(suite, "system-out").text = _clean(_text(case.verdict))
    return suite


def _tell_of(suite: ET.Element, story: Story, verdict: Verdict) -> None:
    """When it ran, and how to repeat it."""
    started = story.started
    ended = story.ended.at if story.ended else story.last_at
    suite.set("time", f"{ended - started.at:.3f}")
    suite.set("timestamp", datetime.fromtimestamp(started.at, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    told = {
        "run": started.run,
        "seed": str(started.plan.seed),
        "outcome": verdict.outcome,
        "repeat": repeat_command(started.plan),
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))


def _objective(experiment: str, result: ObjectiveResult, verdict: Verdict) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(experiment), name=_clean(f"{result.name} {result.threshold}"))
    if result.outcome == "deviated":
        _mark(case, "failure", "deviated", result.reason)
    elif result.outcome == "inconclusive":
        kind = verdict.outcome if verdict.outcome not in ("held", "deviated") else "inconclusive"
        _mark(case, "error", kind, result.reason)
    return case


def _faults(experiment: str, verdict: Verdict) -> ET.Element:
    """Carries every outcome that is not an objective's doing, so that no such run is all green."""
    case = ET.Element("testcase", classname=_clean(experiment), name=FAULTS)
    blamed = verdict.outcome == "deviated" or (
        verdict.outcome == "inconclusive" and _objectives_alone_are_unclear(verdict)
    )
    if verdict.outcome != "held" and not blamed:
        _mark(case, "error", verdict.outcome, verdict.sentence)
    return case


def _objectives_alone_are_unclear(verdict: Verdict) -> bool:
    """The faults did as planned: the verdict is inconclusive because of an objective's own samples."""
    outcomes = [result.outcome for result in verdict.objectives]
    named = any(result.reason in verdict.sentence for result in verdict.objectives if result.outcome == "inconclusive")
    return "inconclusive" in outcomes and "deviated" not in outcomes and named


def _mark(case: ET.Element, element: str, kind: str, message: str) -> None:
    mark = ET.SubElement(case, element, type=kind, message=_clean(message))
    mark.text = _clean(message)


def _text(verdict: Verdict) -> str:
    return "\n".join([verdict.sentence, *(f"{finding.severity}: {finding.text}" for finding in verdict.findings)])


def _clean(text: str) -> str:
    """XML 1.0 has no way to write control characters, and error texts of systems under test have them."""
    if text.isprintable():
        return text  # the pattern takes 7 ms to compile
    return re.sub(_NOT_IN_XML, "\ufffd", text)
