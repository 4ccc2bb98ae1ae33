"""Where this user's platform, runs and locks are kept."""

from __future__ import annotations

import os
from pathlib import Path


def steadfast_home() -> Path:
    """$STEADFAST_HOME, else ~/.local/state/steadfast. Not created here."""
    return Path(os.environ.get("STEADFAST_HOME") or Path.home() / ".local" / "state" / "steadfast")
