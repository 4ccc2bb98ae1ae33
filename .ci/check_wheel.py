"""Does the wheel hold every data file that the sources hold? Run with the wheel's path."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def expected() -> set[str]:
    """Every file of the packages that is not compiled; experiments and charts under their names when installed."""
    packages = ("chaos", "target_platform")
    files = (path for name in packages for path in (ROOT / name).rglob("*") if path.is_file())
    names = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    shipped = (path for path in (ROOT / "experiments").rglob("*.yaml"))
    charts = (path for path in (ROOT / "helm").rglob("*") if path.is_file())
    return (
        names
        | {f"chaos/shipped/experiments/{path.relative_to(ROOT / 'experiments')}" for path in shipped}
        | {f"chaos/shipped/helm/{path.relative_to(ROOT / 'helm')}" for path in charts}
    )


def main() -> None:
    held = set(zipfile.ZipFile(sys.argv[1]).namelist())
    missing = sorted(expected() - held)
    if missing:
        sys.exit(f"{sys.argv[1]} lacks {len(missing)} files: {', '.join(missing[:10])}")
    print(f"{sys.argv[1]}: {len(held)} files, none missing")


if __name__ == "__main__":
    main()
