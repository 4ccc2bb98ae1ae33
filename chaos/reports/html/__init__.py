"""The report as one self-contained page: report.html. It loads nothing, and reads without JavaScript.

content.py says what is on it (with charts, timeline and plan); page.html.j2, page.css and charts.js say how it looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chaos.model.events import Event
from chaos.model.home import steadfast_home
from chaos.model.verdict import Verdict
from chaos.reports.html.compiled import CompiledTemplates
from chaos.reports.html.content import content

_HERE = Path(__file__).parent


def write(events: Sequence[Event], verdict: Verdict, directory: Path) -> Path:
    """Write report.html into the directory and return its path."""
    path = directory / "report.html"
    path.write_text(render(events, verdict), encoding="utf-8")
    return path


def render(events: Sequence[Event], verdict: Verdict) -> str:
    """The page. Everything that comes from the run is escaped; only our own files go in as they are."""
    own = {
        "style": own_file("uplot/uPlot.min.css") + own_file("page.css"),
        "script": own_file("uplot/uPlot.iife.min.js") + own_file("charts.js"),
    }
    return templates(_HERE).get_template("page.html.j2").render(page=content(events, verdict), **own)


def templates(folder: Path) -> Environment:
    """Templates of a folder, with everything escaped that is put into them."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(steadfast_home() / "cache"),
    )
    environment.filters["signs"] = _signs
    return environment


def own_file(name: str) -> Markup:
    """One of our own files, to go into a page as it is."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _signs(text: str) -> str:
    """Comparisons as people write them, not as keyboards do."""
    return text.replace(">=", "≥").replace("<=", "≤")
