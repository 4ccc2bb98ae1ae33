"""A game day as one self-contained page, gameday.html, and for programs as gameday.json.

content.py says what is on the page; page.html.j2 lays it out, in the look of a run's page (reports/html).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from chaos.model.errors import ChaosError
from chaos.model.gameday import Agreement, Session
from chaos.reports.gameday.content import content
from chaos.reports.html import own_file, templates

FORMAT = 1
_HERE = Path(__file__).parent


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """gameday.json. Fields are added, never renamed, within one `format`."""

    format: int
    exit_code: int
    agreements: tuple[Agreement, ...]
    """One for each of `session.tried`."""
    session: Session


def write(session: Session, exit_code: int, directory: Path, links: Mapping[str, str]) -> Path:
    """Write page and JSON and return the page's path. `links` leads from a run to its page, as seen from there.

    Each file is replaced as a whole, so that a session that is killed leaves one that can be read.
    """
    agreements = tuple(item.agreement for item in session.tried)
    report = Report(format=FORMAT, exit_code=exit_code, agreements=agreements, session=session)
    page = directory / "gameday.html"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(page, render(session, links).encode())
        _replace(directory / "gameday.json", msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise ChaosError(f"cannot write the game day's page into {directory}: {error.strerror}") from error
    return page


def render(session: Session, links: Mapping[str, str]) -> str:
    """The page. Everything that people or runs have said is escaped."""
    style = own_file("page.css") + own_file("../gameday/page.css")
    return templates(_HERE).get_template("page.html.j2").render(page=content(session, links), style=style)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(path.suffix + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
