"""docs/reference/journal.md tells every event with its fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from chaos.model.events import Event

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "journal.md"


def test_the_reference_lists_every_event_with_exactly_its_fields() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| ([^|]*) \|", REFERENCE.read_text(), re.MULTILINE)
    told = {event: tuple(re.findall(r"`(\w+)`", fields)) for event, fields in rows}
    real = {kind.__struct_config__.tag: kind.__struct_fields__[1:] for kind in get_args(Event)}
    assert told == real
