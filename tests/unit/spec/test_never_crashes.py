"""Any text is either an experiment or bad input."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.model.errors import BadInput
from tests.examples import examples
from tests.unit.spec.fakes import MINIMAL, read
from tests.unit.spec.test_experiment import WHOLE

LINES = WHOLE.splitlines()
KEYS = sorted({part.strip(" -{") for line in LINES for part in line.split(":")[:1]})
WORDS = [
    "kill",
    "latency",
    "${delay}",
    "${",
    "5s",
    "0",
    "99%",
    ">= 99%",
    "~",
    "all",
    "{}",
    "[]",
    "&a",
    "*a",
    "<<",
    "!x",
    "é",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | scalars, inner, max_size=5),
    max_leaves=20,
)


def answer(text: str) -> None:
    with suppress(BadInput):
        assert read(text, {"delay": "1s"}).objectives


@given(st.text())
def test_any_text(text: str) -> None:
    answer(text)


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=12))
def test_any_yaml_with_the_right_words(document: dict[str, Any]) -> None:
    answer(yaml.safe_dump({"apiVersion": "chaos/v1", "kind": "Experiment", **document}, allow_unicode=True))


@settings(max_examples=examples(200))
@given(
    at=st.integers(0, len(WHOLE)),
    length=st.integers(0, 60),
    instead=st.text(max_size=10) | st.sampled_from(WORDS) | st.sampled_from(LINES),
)
def test_an_experiment_with_a_slip_anywhere(at: int, length: int, instead: str) -> None:
    answer(WHOLE[:at] + instead + WHOLE[at + length :])


@given(st.lists(st.sampled_from(LINES + MINIMAL.splitlines()), max_size=30))
def test_lines_in_any_order(lines: list[str]) -> None:
    answer("\n".join(lines))
