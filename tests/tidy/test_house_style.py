"""The rules of the house, held by a test: what is not held drifts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / "chaos", ROOT / "target_platform"]
PLUG_INS = ("faults", "probes", "guardrails")
BANNED_MODULES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
LONGEST_FILE, LONGEST_PLUG_IN, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 100, 60, 5


def sources() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted(folder.rglob("*.py"))


class Function(NamedTuple):
    name: str
    line: int
    lines: int
    parameters: int


class Module(NamedTuple):
    docstring: str | None
    functions: tuple[Function, ...]


@cache
def module(path: Path) -> Module:
    tree = ast.parse(path.read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Module(ast.get_docstring(tree), tuple(function(node) for node in nodes))


def function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    count = len([name for name in names if name not in ("self", "cls")])
    return Function(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1, count)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_stay_short() -> None:
    too_long = {name_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: lines for name, lines in too_long.items() if lines > LONGEST_FILE} == {}


def test_a_plug_in_fits_on_a_screen_or_two() -> None:
    plug_ins = [path for path in sources() if path.parent.name in PLUG_INS and path.name != "__init__.py"]
    assert len(plug_ins) >= 10
    too_long = {name_of(path): len(path.read_text().splitlines()) for path in plug_ins}
    assert {name: lines for name, lines in too_long.items() if lines > LONGEST_PLUG_IN} == {}


def test_functions_stay_short() -> None:
    lengths = {f"{name_of(path)}:{each.name}": each.lines for path in sources() for each in module(path).functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}
    ordered = sorted(lengths.values())
    assert ordered[len(ordered) // 2] <= 12, "the median function has grown"


def test_functions_have_few_parameters() -> None:
    """Commands of the command line are exempt: one parameter is one option there."""
    found = {}
    for path in sources():
        if path.parent.name == "cli":
            continue
        for each in module(path).functions:
            # An interface of another library decides the parameters of functions that it calls.
            if each.parameters <= MOST_PARAMETERS:
                continue
            if "# parameters:" not in path.read_text().splitlines()[each.line - 2]:
                found[f"{name_of(path)}:{each.name}"] = each.parameters
    assert found == {}


def test_modules_are_named_after_what_they_hold() -> None:
    assert [name_of(path) for path in sources() if path.stem in BANNED_MODULES] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in sources() if not module(path).docstring]
    assert silent == []


def test_import_rules_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_nothing_is_called_done_that_is_not() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    assert [name_of(path) for path in sources() if pattern.search(path.read_text())] == []


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_the_project_speaks_only_of_itself() -> None:
    machine_path = re.compile(r"(?<![\w.$/-])/(work|root|farm)/")
    offenders = []
    for path in tracked():
        spoken = path.suffix in {".py", ".md", ".yaml", ".toml", ".html", ".sh", ""} and path != Path(__file__)
        if spoken and path.is_file() and machine_path.search(path.read_text(errors="replace")):
            offenders.append(name_of(path))
    assert offenders == []
