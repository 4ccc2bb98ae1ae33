"""The pages in a real browser: charts are drawn, nothing overflows at phone width, all is told in order."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs

from chaos.judge.verdict import judge
from chaos.model.events import Event
from chaos.model.gameday import Hit, Note, Prediction, Session, Tried
from chaos.model.verdict import Verdict
from chaos.reports import gameday
from chaos.reports.html import render
from tests.unit.reports.synthetic import START, Synthetic

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE, DESKTOP = 390, 1280
LARGEST_BYTES = 2_000_000
ORDER = ["What was hit", "Objectives", "Recovery time", "Findings", "To repeat it"]

# A window cannot be narrower than 500 px, so the page stands in a frame, whose document this script may look into.
LOOK = """
<iframe id="page" style="width:%dpx;height:3000px;border:0" srcdoc="%s"></iframe><pre id="seen"></pre>
<script>
  document.getElementById("page").addEventListener("load", function () {
    var page = this.contentDocument, width = this.clientWidth;
    setTimeout(function () {
      function drawn(canvas) {
        var painted = 0, shaded = 0;
        var data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        for (var i = 0; i < data.length; i += 4) {
          if (data[i + 3] > 0) painted += 1;
          if (data[i] > 150 && data[i] - data[i + 2] > 60 && data[i + 3] > 0) shaded += 1;
        }
        return [painted, shaded];
      }
      var wide = Array.from(page.querySelectorAll("body *")).filter(function (item) {
        var box = item.getBoundingClientRect();
        return box.width > 0 && (box.right > width + 1 || box.left < -1) && !item.closest("thead");
      });
      document.getElementById("seen").textContent = JSON.stringify({
        width: width,
        scroll: page.documentElement.scrollWidth,
        wide: wide.map(function (item) { return item.tagName + "." + item.className; }),
        charts: Array.from(page.querySelectorAll(".chart canvas")).map(drawn),
        headings: Array.from(page.querySelectorAll("h2")).map(function (item) { return item.textContent; }),
        text: page.body.innerText,
      });
    }, 300);
  });
</script>
"""


@pytest.fixture(autouse=True)
def _needs_a_browser() -> None:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")


@dataclass(frozen=True)
class Seen:
    """`charts` holds (painted pixels, pixels in the colour of a fault) of each."""

    width: int
    scroll: int
    wide: list[str]
    charts: list[tuple[int, int]]
    headings: list[str]
    text: str


def look(page: str, width: int, folder: Path) -> Seen:
    """The page as the browser shows it in that width."""
    outer = folder / f"at-{width}.html"
    outer.write_text("<!doctype html><meta charset=utf-8>" + LOOK % (width, html.escape(page)))
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,1000",
            "--virtual-time-budget=5000",
            "--dump-dom",
            outer.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    found = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    seen = json.loads(html.unescape(found[1]))
    return Seen(**{**seen, "charts": [tuple(item) for item in seen["charts"]]})


def judged(weakened: bool) -> tuple[Sequence[Event], Verdict]:
    events = Synthetic(weakened=weakened).journal()
    return events, judge(events)


def crowded() -> str:
    """Names and texts longer than a phone is wide."""
    synthetic = Synthetic(weakened=True)
    long = tuple(structs.replace(each, name=each.name + "-x" * 60) for each in synthetic.objectives)
    events = Synthetic(weakened=True, objectives=long).journal()
    return render(events, judge(events))


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_runs_page_answers_in_order_with_charts_drawn_and_nothing_wider_than_the_screen(
    width: int, tmp_path: Path
) -> None:
    events, verdict = judged(weakened=True)
    page = render(events, verdict)
    assert len(page.encode()) < LARGEST_BYTES
    seen = look(page, width, tmp_path)
    assert (seen.width, seen.wide) == (width, [])
    assert seen.scroll <= width
    assert len(seen.charts) == len(verdict.objectives)
    for painted, shaded in seen.charts:
        assert painted > 1000
        assert shaded > 500, "the time of the fault is shaded"
    assert [item for item in seen.headings if item in ORDER] == ORDER
    question, answer = seen.text.index("viewers do not notice"), seen.text.index("While kill hit edge-north-1")
    assert question < answer < seen.text.index("What was hit")
    assert "chaos run experiments/streaming/dead-edge.yaml --seed 4242" in seen.text


def test_texts_longer_than_a_phone_is_wide_do_not_widen_it(tmp_path: Path) -> None:
    seen = look(crowded(), PHONE, tmp_path)
    assert (seen.wide, seen.scroll) == ([], PHONE)


def test_a_game_days_page_fits_a_phone(tmp_path: Path) -> None:
    events, verdict = judged(weakened=True)
    tried = Tried(
        name="a-dead-edge",
        hypothesis="Viewers do not notice.",
        prediction=Prediction(outcome="held", because="Players move on. " * 9, by="everybody"),
        began_at=START,
        ended_at=events[-1].at,
        run="a-run",
        verdict=verdict,
        hits=(Hit(fault="kill", target="edge-north-1" * 9, began_at=START + 25, ended_at=START + 45),),
        repeat="chaos run dead-edge --seed 1 " + "--var some=thing " * 9,
    )
    session = Session(
        name="a-day",
        purpose="Do we know our system?",
        environment="local",
        started_at=START - 10,
        ended_at=events[-1].at + 60,
        tried=(tried,),
        notes=(Note(events[-1].at + 5, "x" * 200),),
    )
    seen = look(gameday.render(session, {"a-run": "report.html"}), PHONE, tmp_path)
    assert (seen.wide, seen.scroll) == ([], PHONE)
    assert "not as predicted" in seen.text


def test_the_check_for_overflow_can_fail(tmp_path: Path) -> None:
    seen = look("<!doctype html><body><p style='width:600px'>wide</p>", PHONE, tmp_path)
    assert seen.wide == ["P."]
    assert seen.scroll > PHONE
