"""YAML without its traps: 1.2 scalars, unique keys, no tags, bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chaos.spec.document import MAX_DEPTH, parse
from chaos.spec.problems import Wrong
from chaos.spec.values import anything
from tests.unit.spec.fakes import MINIMAL, errors, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("0755", "0755"),
        ("1_000", "1_000"),
        ("12", 12),
        ("1.5", 1.5),
        ("~", None),
        ("'12'", "12"),
        ("2024-01-01", "2024-01-01"),
        ("0x1f", "0x1f"),
    ],
)
def test_scalars_are_what_yaml_1_2_says_and_never_lossy(text: str, value: object) -> None:
    root, _ = parse(f"a: {text}")
    assert anything(root) == {"a": value}


def test_anchors_may_be_used() -> None:
    text = MINIMAL.replace("{instance: {service: edge}}", "&edges {instance: {service: edge}}")
    assert len(read(text + "  - {fault: kill, target: *edges, duration: 1s}\n").method) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("tags: !!python/object:os.system [x]", "the tag tag:yaml.org,2002:python/object:os.system is not used here"),
        ("tags: [a]\ntags: [b]", 'the key "tags" is given twice, first in line 13'),
        ("? [a, b]\n: 1", "a key must be a word, this is a list"),
        ("<<: {tags: [a]}", "merge keys (<<) are not part of YAML 1.2"),
    ],
)
def test_what_is_left_out_of_yaml_is_told(line: str, says: str) -> None:
    assert any(says in problem for problem in errors(f"{MINIMAL}{line}\n"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [x, *a]", "refers to a value that contains it"),
        ("a: *b", "not YAML|refers to nothing"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested more than"),
        (
            "\n".join(["a0: &a0 x"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]),
            "more than",
        ),
        ("x: [" + "a, " * 30_000 + "]", "holds more than 20000 values"),
    ],
)
def test_bombs_do_not_go_off(text: str, says: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse(text)
    assert any(part in caught.value.problems[0].message for part in says.split("|"))


def test_a_hundred_thousand_brackets_do_not_end_the_process() -> None:
    """In a process of its own, because yaml.compose ends this one with a segmentation fault."""
    program = "from tests.unit.spec.fakes import errors\nassert 'nested' in errors('- ' * 100_000)[0]"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
