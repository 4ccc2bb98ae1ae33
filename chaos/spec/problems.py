"""What is wrong with a file: all of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from chaos.model.errors import BadInput


class Mark(Struct, frozen=True):
    """A place in a file; line and column count from 1."""

    line: int
    column: int


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `path` is where it stands in the document, e.g. "method[0].fault"."""

    mark: Mark
    message: str
    hint: str = ""
    path: str = ""

    def under(self, part: str) -> Problem:
        """The same problem seen from one level further out; `part` is a key or an "[index]"."""
        separator = "" if not self.path or self.path.startswith("[") else "."
        return replace(self, path=f"{part}{separator}{self.path}")

    def text(self, file: str) -> str:
        where = f"{self.path}: " if self.path else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{file}:{self.mark.line}:{self.mark.column}: {where}{self.message}{hint}"


class Wrong(Exception):
    """Raised while reading; whoever walks over siblings collects it and reads on."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    @staticmethod
    def at(mark: Mark, message: str, hint: str = "") -> Wrong:
        return Wrong([Problem(mark=mark, message=message, hint=hint)])


class BadFile(BadInput):
    """A file that cannot be used. `problems` are all that were found, in the order they stand in the file."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(set(problems), key=_place))
        lines = [problem.text(file) for problem in self.problems]
        header = [f"{file}: {len(lines)} problems"] if len(lines) > 1 else []
        super().__init__("\n".join(header + lines))


def _place(problem: Problem) -> tuple[int, int, str]:
    return (problem.mark.line, problem.mark.column, problem.message)
