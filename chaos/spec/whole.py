"""A text that is one document of ours: all that is wrong with it is said at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chaos.spec.document import MappingNode, parse
from chaos.spec.problems import BadFile, Problem, Wrong
from chaos.spec.variables import as_mapping

Made = TypeVar("Made")


def read_whole(source: str, file: str, made: Callable[[MappingNode], Made]) -> Made:
    """What `made` makes of the document; problems are reported under `file`. Raises BadFile with all of them."""
    problems: list[Problem] = []
    try:
        root, problems = parse(source)
        found = made(as_mapping(root))
    except Wrong as wrong:
        raise BadFile(file, [*problems, *wrong.problems]) from wrong
    if problems:
        raise BadFile(file, problems)
    return found
