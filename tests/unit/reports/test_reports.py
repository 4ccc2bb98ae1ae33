"""The reports say what the verdict says, and nothing in a journal can break or subvert them."""

from __future__ import annotations

import json as standard_json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from chaos.judge.verdict import judge
from chaos.model.errors import ChaosError
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Injected,
    Interrupted,
    Loaded,
    Reverted,
    RevertFailed,
    Reverting,
    RunEnded,
    RunRefused,
    RunStarted,
    Sampled,
)
from chaos.model.fault import Active
from chaos.model.sample import Ratio
from chaos.model.verdict import EXIT_CODES, Verdict
from chaos.reports import html, json, junit, terminal, write_all
from tests.unit.reports.synthetic import GATEWAY_UP, START_SUCCESS, Synthetic

HELD = tuple(Synthetic(method_seconds=32).journal())
END = HELD[-1].at
BEFORE_REVERT = HELD[: next(index for index, event in enumerate(HELD) if isinstance(event, Reverting))]
AFTER_REVERT = HELD[: next(index for index, event in enumerate(HELD) if isinstance(event, Reverted)) + 1]
ENDED = RunEnded(at=END, by="run")


def without_effect(event: Event) -> Event:
    return msgspec.structs.replace(event, active=Active.NO) if isinstance(event, Injected) else event


JOURNALS: dict[str, Sequence[Event]] = {
    "held": HELD,
    "held, nothing hit": Synthetic(method_seconds=32, fault=False).journal(),
    "deviated": Synthetic(method_seconds=32, weakened=True).journal(),
    "inconclusive": [without_effect(event) for event in HELD],
    "inconclusive, no objectives": Synthetic(method_seconds=32, objectives=()).journal(),
    "inconclusive, too few samples": Synthetic(
        method_seconds=32, objectives=(msgspec.structs.replace(START_SUCCESS, min_samples=10**6), GATEWAY_UP)
    ).journal(),
    "refused": [*HELD[:3], RunRefused(at=END, reason="the environment is not armed", hint="arm it"), ENDED],
    "aborted": [*AFTER_REVERT, GuardrailStopped(at=END, guardrail="floor", reason="start success is 40%"), ENDED],
    "interrupted": [*AFTER_REVERT, Interrupted(at=END, signal="SIGINT"), ENDED],
    "terminated": AFTER_REVERT,
    "terminated at once": HELD[:1],
    "still broken": [
        *BEFORE_REVERT,
        RevertFailed(at=END, injection="1.1", by="run", message="it is still down"),
        ENDED,
    ],
    "bug": [*AFTER_REVERT, Crashed(at=END, message="KeyError: 'edge'"), ENDED],
}
HOSTILE = "</script><script>alert(1)</script>\x1b[31m\x00 & \"'<b> ]]>"


def hostile() -> list[Event]:
    """Every text that somebody else chose carries markup, quotes and control characters."""
    plan = Synthetic(method_seconds=32).plan()
    objectives = tuple(msgspec.structs.replace(item, name=item.name + HOSTILE) for item in plan.experiment.objectives)
    experiment = msgspec.structs.replace(
        plan.experiment, name=HOSTILE, hypothesis=HOSTILE, description=HOSTILE, source=HOSTILE, objectives=objectives
    )
    events: list[Event] = []
    for event in Synthetic(method_seconds=32).journal():
        if isinstance(event, RunStarted):
            event = msgspec.structs.replace(
                event, plan=msgspec.structs.replace(plan, experiment=experiment, notes=(HOSTILE,))
            )
        elif isinstance(event, Injected | Reverted):
            event = msgspec.structs.replace(event, evidence=HOSTILE)
        elif isinstance(event, Loaded):
            event = msgspec.structs.replace(event, report=msgspec.structs.replace(event.report, failures={HOSTILE: 3}))
        elif isinstance(event, Sampled):
            event = msgspec.structs.replace(
                event, values={name + HOSTILE: value for name, value in event.values.items()}
            )
        events.append(event)
    return events


@pytest.fixture(params=JOURNALS)
def judged(request: pytest.FixtureRequest) -> tuple[Sequence[Event], Verdict]:
    events = JOURNALS[request.param]
    verdict = judge(events)
    assert verdict.outcome == request.param.split(",")[0].removesuffix(" at once"), (
        "the journal is not what it is named"
    )
    return events, verdict


def test_every_outcome_is_among_the_journals() -> None:
    assert {judge(events).outcome for events in JOURNALS.values()} == set(EXIT_CODES)


def words(text: str) -> str:
    return " ".join(text.split())


class TestTerminal:
    def test_it_says_the_question_the_answer_and_how_to_repeat_it(
        self, judged: tuple[Sequence[Event], Verdict]
    ) -> None:
        events, verdict = judged
        text = words(terminal.render(events, verdict))
        assert "viewers do not notice" in text
        assert words(verdict.sentence) in text
        assert "chaos run experiments/streaming/dead-edge.yaml --seed 4242" in text
        for result in verdict.objectives:
            assert result.name in text

    @pytest.mark.parametrize("width", [30, 60, 80, 200])
    def test_it_fits_the_width(self, width: int) -> None:
        for events in JOURNALS.values():
            longest_word = max(len(word) for word in terminal.render(events, judge(events), 200).split())
            lines = terminal.render(events, judge(events), width).splitlines()
            assert max(len(line) for line in lines) <= max(width, longest_word + 12)

    def test_it_is_plain_without_colour_and_the_same_words_with_it(self) -> None:
        verdict = judge(HELD)
        plain, colourful = terminal.render(HELD, verdict), terminal.render(HELD, verdict, colour=True)
        assert "\x1b" not in plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", colourful) == plain
        assert colourful != plain

    def test_what_a_sick_system_answers_cannot_drive_the_terminal(self) -> None:
        events = hostile()
        assert not set(terminal.render(events, judge(events))) & {"\x1b", "\x00"}

    def test_what_is_still_broken_stands_out(self) -> None:
        events = JOURNALS["still broken"]
        text = terminal.render(events, judge(events))
        assert "NOT KNOWN TO BE REVERTED" in text
        assert "chaos rollback" in words(text)


class TestJson:
    def test_it_has_the_verdict_and_the_evidence(self, judged: tuple[Sequence[Event], Verdict], tmp_path: Path) -> None:
        events, verdict = judged
        path = json.write(events, verdict, tmp_path)
        read = msgspec.json.decode(path.read_bytes(), type=json.Report)
        assert read == json.report(events, verdict)
        assert (read.outcome, read.exit_code) == (verdict.outcome, verdict.exit_code)
        assert read.objectives == verdict.objectives
        for injection in read.injections:
            assert (injection.target, injection.fault) == ("edge-north-1", "kill")

    def test_it_is_json_that_any_program_reads(self, tmp_path: Path) -> None:
        events = hostile()
        read = standard_json.loads(json.write(events, judge(events), tmp_path).read_text())
        assert read["format"] == 1
        assert read["experiment"] == HOSTILE


class TestJunit:
    def test_it_is_all_green_exactly_when_held(self, judged: tuple[Sequence[Event], Verdict], tmp_path: Path) -> None:
        events, verdict = judged
        root = ET.parse(junit.write(events, verdict, tmp_path)).getroot()
        bad = root.findall(".//failure") + root.findall(".//error")
        assert (not bad) == (verdict.outcome == "held")
        counted = (root.get("tests"), root.get("failures"), root.get("errors"))
        found = (root.findall(".//testcase"), root.findall(".//failure"), root.findall(".//error"))
        assert counted == tuple(str(len(items)) for items in found)
        assert len(root.findall(".//testcase")) == len(verdict.objectives) + 1
        assert not root.findall(".//skipped")

    @pytest.mark.parametrize("name", ["inconclusive", "refused", "aborted", "interrupted", "still broken", "bug"])
    def test_an_outcome_that_is_no_answer_is_an_error_of_that_type(self, name: str, tmp_path: Path) -> None:
        events = JOURNALS[name]
        root = ET.parse(junit.write(events, judge(events), tmp_path)).getroot()
        [faults] = [case for case in root.iter("testcase") if case.get("name") == junit.FAULTS]
        assert [error.get("type") for error in faults.findall("error")] == [name]

    def test_a_deviated_objective_is_a_failure_and_the_faults_did_their_part(self, tmp_path: Path) -> None:
        events = JOURNALS["deviated"]
        root = ET.parse(junit.write(events, judge(events), tmp_path)).getroot()
        marks = {case.get("name"): [mark.tag for mark in case] for case in root.iter("testcase")}
        assert marks["start success >= 98%"] == ["failure"]
        assert marks[junit.FAULTS] == []

    def test_a_suite_is_one_file_and_a_run_that_could_not_begin_is_in_it(self, tmp_path: Path) -> None:
        refused = Verdict(outcome="refused", sentence="another run is under way")
        cases = [junit.Case("first", HELD, judge(HELD)), junit.Case("second", (), refused)]
        root = ET.parse(junit.write_suite(cases, tmp_path / "suite.xml")).getroot()
        assert [suite.get("name") for suite in root] == ["first", "second"]
        assert (root.get("tests"), root.get("errors")) == ("5", "1")

    def test_control_characters_and_markup_leave_it_well_formed(self, tmp_path: Path) -> None:
        events = hostile()
        root = ET.parse(junit.write(events, judge(events), tmp_path)).getroot()
        assert "<script>" in (root[0].get("name") or "")


class Tags(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def charts_of(page: str) -> list[dict[str, object]]:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)
    assert found
    charts: list[dict[str, object]] = standard_json.loads(found[1])
    return charts


class TestHtml:
    def test_recovery_times_stand_after_the_charts_and_before_the_findings_and_only_there(self) -> None:
        events = JOURNALS["deviated"]
        page = html.render(events, judge(events))
        order = ["<h2>What was hit", "<h2>Objectives", "<h2>Recovery time", "<h2>Findings", "<h2>To repeat it"]
        assert [page.index(heading) for heading in order] == sorted(page.index(heading) for heading in order)
        block = page[page.index("<h2>Recovery time") : page.index("<h2>Findings")]
        for objective in Synthetic().objectives:
            assert f">{objective.name}</td>" in block
        assert page.count("after the last revert.") == 0, "the findings do not say it again"
        unhurt = Synthetic(fault=False).journal()
        assert "Recovery time" not in html.render(unhurt, judge(unhurt))

    def test_it_reads_without_javascript(self, judged: tuple[Sequence[Event], Verdict]) -> None:
        events, verdict = judged
        page = html.render(events, verdict)
        text = words(" ".join(Tags(re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)).text))
        question = text.index("viewers do not notice")
        answer = text.index(words(verdict.sentence.partition(": ")[2] or verdict.sentence)[1:40].replace(">=", "≥"))
        assert question < answer < text.index("What was hit") < text.index("Objectives") < text.index("To repeat it")
        for result in verdict.objectives:
            assert result.name in text

    def test_it_loads_nothing_from_anywhere(self) -> None:
        page = html.render(HELD, judge(HELD))
        for tag, attributes in Tags(page).seen:
            assert tag not in ("img", "iframe", "object", "embed")
            assert tag != "script" or "src" not in attributes
            assert "href" not in attributes or attributes["href"] == "data:,"
        assert "default-src 'none'" in page
        assert not re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|sendBeacon", page)

    def test_it_is_small(self) -> None:
        assert len(html.render(HELD, judge(HELD)).encode()) < 150_000

    def test_an_hour_is_small_as_well(self) -> None:
        long = [event for event in Synthetic(objectives=(START_SUCCESS,)).journal() if not isinstance(event, Sampled)]
        start = int(long[0].at)
        seconds = (Sampled(at=END, of=float(start + at), values={"start success": Ratio(38, 40)}) for at in range(3600))
        events = [*long[:-1], *seconds, long[-1]]
        page = html.render(events, judge(events))
        [chart] = charts_of(page)
        assert isinstance(chart["x"], list)
        assert len(chart["x"]) == 1800
        assert len(page.encode()) < 300_000

    def test_nothing_from_the_run_becomes_markup(self) -> None:
        events = hostile()
        page = html.render(events, judge(events))
        assert "<script>alert" not in page
        assert [tag for tag, _ in Tags(page).seen].count("script") == 2
        assert page.count("</script>") == 2

    def test_charts_show_each_objective_with_its_target_and_the_fault(self) -> None:
        charts = charts_of(html.render(HELD, judge(HELD)))
        assert [chart["threshold"] for chart in charts] == [0.98, 800.0, 0.5]
        for chart in charts:
            assert isinstance(chart["x"], list)
            assert isinstance(chart["y"], list)
            assert len(chart["x"]) == len(chart["y"]) > 40
            assert chart["faults"] == [[10.0, 30.6]]

    def test_requests_that_never_got_a_good_answer_are_marked_not_drawn(self) -> None:
        events = JOURNALS["deviated"]
        chart = charts_of(html.render(events, judge(events)))[1]
        assert isinstance(chart["never"], list)
        assert isinstance(chart["y"], list)
        assert any(chart["never"])
        assert all((value is None) == lost for value, lost in zip(chart["y"], chart["never"], strict=True))

    def test_every_chart_has_its_place_and_words_for_those_who_cannot_see_it(self) -> None:
        page = html.render(HELD, judge(HELD))
        places = {attributes.get("id"): attributes for _, attributes in Tags(page).seen}
        for chart in charts_of(page):
            assert isinstance(chart["id"], str)
            assert "the worst is" in (places[chart["id"]].get("aria-label") or "")


def test_all_files_are_written_and_the_folder_is_made(tmp_path: Path) -> None:
    written = write_all(HELD, judge(HELD), tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["report.html", "report.json", "junit.xml"]
    assert all(path.stat().st_size > 0 for path in written)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ChaosError, match="cannot write the reports"):
        write_all(HELD, judge(HELD), tmp_path / "file" / "below")
