"""The report as one self-contained page: report.html. It loads nothing, and reads without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chaos.model.events import Event
from chaos.model.verdict import Verdict
from chaos.reports.page.content import content

_PAGE = Path(__file__).parent / "page"


def write(events: Sequence[Event], verdict: Verdict, directory: Path) -> Path:
    """Write report.html into the directory and return its path."""
    path = directory / "report.html"
    path.write_text(render(events, verdict), encoding="utf-8")
    return path


def render(events: Sequence[Event], verdict: Verdict) -> str:
    """The page. Everything that comes from the run is escaped; only our own files go in as they are."""
    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["signs"] = _signs
    own = {
        "style": _own("uplot/uPlot.min.css") + _own("page.css"),
        "script": _own("uplot/uPlot.iife.min.js") + _own("charts.js"),
    }
    return environment.get_template("page.html.j2").render(page=content(events, verdict), **own)


def _own(name: str) -> Markup:
    return Markup((_PAGE / name).read_text(encoding="utf-8"))


def _signs(text: str) -> str:
    """Comparisons as people write them, not as keyboards do."""
    return text.replace(">=", "≥").replace("<=", "≤")
