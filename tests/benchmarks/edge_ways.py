"""The edge with other ways from its disk to the socket than sendfile, to be measured beside it."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

from msgspec import structs
from starlette.routing import Route

from target_platform.delivery import file_answer, pieces
from target_platform.delivery.file_answer import FileAnswer
from target_platform.delivery.ranges import Part
from target_platform.kit.service import Instance
from target_platform.services.edge import SERVICE


def _in_pieces(instance: Instance) -> Sequence[Route]:
    """Read and written 64 KiB at a time."""
    vars(file_answer)["ZEROCOPY"] = "not offered"
    return SERVICE.routes(instance)


def _mapped(instance: Instance) -> Sequence[Route]:
    """Written as a view of the mapped file, a MiB at a time."""
    pieces.PIECE_BYTES = 1 << 20
    FileAnswer._bytes = _view  # type: ignore[assignment, method-assign]  # in this process for good
    return _in_pieces(instance)


def _view(answer: FileAnswer, part: Part) -> bytes | memoryview:
    assert answer._descriptor is not None
    mapped = mmap.mmap(answer._descriptor, 0, prot=mmap.PROT_READ)
    return memoryview(mapped)[part.start : part.start + part.count]


IN_PIECES = structs.replace(SERVICE, routes=_in_pieces)
MAPPED = structs.replace(SERVICE, routes=_mapped)
