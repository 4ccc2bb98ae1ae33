"""Bringing a file into the store: in parts, each with its checksum; what is there already is not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.job import File
from target_platform.stores.objects.interface import PARTS_MOST, NotThere, Objects, Part, Upload

PART_BYTES = 8 * 2**20


def identify(path: Path, announced_sha256: str = "") -> File:
    """The file by its content. Raises Rejected when that is not what was announced."""
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror}.") from error
    if announced_sha256 and announced_sha256.lower() != digest:
        raise Rejected(f"{path.name} is not what was announced: its SHA-256 is {digest}. Send it again.")
    return File(sha256=digest, suffix=path.suffix.lower())


def upload(objects: Objects, path: Path, file: File) -> None:
    """Put the file under its key. Goes on with an upload that was broken off. Raises ObjectsFailed and Rejected."""
    if is_there(objects, file.key):
        return
    begun = next((each for each in objects.uploads(file.key) if each.key == file.key), None) or objects.start(file.key)
    kept = {part.number: part for part in objects.parts(begun)}
    whole = hashlib.sha256()
    parts = []
    for number, octets in enumerate(_pieces(path), 1):
        whole.update(octets)
        parts.append(_part(objects, begun, number, octets, kept.get(number)))
    if whole.hexdigest() != file.sha256:
        objects.abort(begun)
        raise Rejected(f"{path.name} was changed while it was read. Send it again when it is finished.")
    objects.complete(begun, parts)


def is_there(objects: Objects, key: str) -> bool:
    try:
        objects.head(key)
    except NotThere:
        return False
    return True


def _part(objects: Objects, begun: Upload, number: int, octets: bytes, kept: Part | None) -> Part:
    sha256 = hashlib.sha256(octets).hexdigest()
    if kept is not None and kept.sha256 == sha256:
        return kept
    return objects.put_part(begun, number, octets, sha256=sha256)


def _pieces(path: Path) -> Iterator[bytes]:
    """As many as a store takes at most, however large the file is."""
    size = max(PART_BYTES, -(-path.stat().st_size // PARTS_MOST))
    with path.open("rb") as opened:
        while piece := opened.read(size):
            yield piece
