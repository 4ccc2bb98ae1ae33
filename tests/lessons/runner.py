"""Runs a lesson: a Markdown page with commands, from its first line to its last.

A block after `<!-- file: NAME -->` is written to that file. In a ```console block a line after `$ ` is a command for
bash; it exits with 0, or with N when `# exit N` stands behind it. The lines below it are found in what it prints, in
that order; other lines may stand between them, blanks do not count, and `...` stands for any text.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)


@dataclass
class Command:
    text: str
    exit_code: int = 0
    expected: list[str] = field(default_factory=list)


def steps(page: str) -> Iterator[Command | tuple[str, str]]:
    """Commands, and files as (name, content), in the order of the page."""
    for block in BLOCK.finditer(page):
        if block["file"]:
            yield block["file"], block["text"]
        elif block["kind"] == "console":
            yield from _commands(block["text"])


def run_lesson(page: Path, folder: Path, environment: Mapping[str, str], base_port: int) -> int:
    """Do what the page says, in this folder; how many commands that were. Fails where the page is wrong.

    The bundled platform takes ports of the test's own.
    """
    count = 0
    last_code = 0
    for step in steps(page.read_text()):
        if isinstance(step, tuple):
            (folder / step[0]).write_text(step[1])
            continue
        text = re.sub(r"^chaos platform up$", f"chaos platform up --base-port {base_port}", step.text)
        text = text.replace("echo $?", f"echo {last_code}")
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=folder,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == step.exit_code, f"{page.name}: `{step.text}` exited with {done.returncode}:\n{said}"
        missing = _missing(step.expected, said)
        assert missing is None, f"{page.name}: `{step.text}` did not print {missing!r}:\n{said}"
        count, last_code = count + 1, done.returncode
    return count


def _commands(text: str) -> Iterator[Command]:
    command: Command | None = None
    for line in text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command
            words, _, code = line[2:].partition("# exit ")
            command = Command(words.strip(), int(code or 0))
        elif command is not None and line.strip():
            command.expected.append(line)
    if command is not None:
        yield command


def _missing(expected: list[str], said: str) -> str | None:
    """The first expected line that does not come, or not in its turn."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    for wanted in expected:
        parts = [re.escape(" ".join(part.split())) for part in wanted.split("...")]
        pattern = re.compile(".*".join(parts))
        while lines:
            if pattern.search(lines.pop(0)):
                break
        else:
            return wanted
    return None
