"""docs/reference/toxics.md is what the toxics say of themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

from chaos.proxy.proxy_request import read_proxies
from chaos.proxy.toxic_request import make_toxic
from chaos.proxy.toxics import toxic_types
from chaos.proxy.toxics_page import EXAMPLES, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "toxics.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m chaos.proxy.toxics_page > docs/reference/toxics.md"


def test_it_tells_of_all_of_them() -> None:
    assert all(f"\n## {name}\n" in page() for name in toxic_types())


def test_its_proxies_can_be_asked_for() -> None:
    proxies = next(text for text in re.findall(r"```json\n(.*?)```", page(), re.DOTALL) if text.startswith("["))
    assert [each.protocol for each in read_proxies(json.loads(proxies))] == ["udp", "tcp"]


def test_its_examples_can_be_asked_for() -> None:
    assert set(EXAMPLES) == set(toxic_types())
    for name, example in EXAMPLES.items():
        protocol = "udp" if name.startswith("udp_") else "tcp"
        assert make_toxic({"type": name, **example}, (), protocol).type == name
