"""Templates compiled once and kept: compiling the page takes longer than all else that a short run does."""

from __future__ import annotations

import os
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(BytecodeCache):
    """Keeps them in a folder, under names that change with the template. One that cannot be kept is compiled anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            with self._path(bucket).open("rb") as file:
                bucket.load_bytecode(file)
        except OSError:
            pass  # there is none yet

    def dump_bytecode(self, bucket: Bucket) -> None:
        path = self._path(bucket)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished.write_bytes(bucket.bytecode_to_string())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # a full disk costs time, not the report

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}-{bucket.checksum}.template"
