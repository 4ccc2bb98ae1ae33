"""A file's text, or one clear sentence why there is none."""

from __future__ import annotations

from pathlib import Path

from chaos.model.errors import BadInput

MAX_BYTES = 256 * 1024
"""Far beyond any experiment; a log or a dump given by mistake is named as such instead of being parsed."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file of at most MAX_BYTES. Raises BadInput."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}", "check the path") from error
    except IsADirectoryError as error:
        raise BadInput(f"{path} is a directory, not a file", f"name a file in it, e.g. {path}/NAME.yaml") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{path} cannot be read: {reason}", "check the path and its permissions") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path} is larger than {MAX_BYTES // 1024} KiB", "is it really a YAML file for chaos?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path} is not UTF-8 text: line {line} holds the byte 0x{data[error.start]:02x}") from error
