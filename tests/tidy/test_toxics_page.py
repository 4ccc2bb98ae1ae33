"""docs/reference/toxics.md is what the toxics say of themselves."""

from __future__ import annotations

from pathlib import Path

from chaos.proxy.toxic_request import make_toxic
from chaos.proxy.toxics import toxic_types
from chaos.proxy.toxics_page import EXAMPLES, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "toxics.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m chaos.proxy.toxics_page > docs/reference/toxics.md"


def test_it_tells_of_all_of_them() -> None:
    assert all(f"\n## {name}\n" in page() for name in toxic_types())


def test_its_examples_can_be_asked_for() -> None:
    assert set(EXAMPLES) == set(toxic_types())
    for name, example in EXAMPLES.items():
        protocol = "udp" if name.startswith("udp_") else "tcp"
        assert make_toxic({"type": name, **example}, (), protocol).type == name
