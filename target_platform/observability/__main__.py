"""`python -m target_platform.observability [FOLDER]` writes the dashboards into a folder, dashboards/ by default."""

from __future__ import annotations

import sys
from pathlib import Path

from target_platform.observability.dashboards import files


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("dashboards")
    folder.mkdir(exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
