"""All dashboards as files. What they show follows from services, calls, regions and objectives: none is forgotten."""

from __future__ import annotations

import json

from target_platform.observability.boards import each_service, edges, objectives, regions, run, viewers
from target_platform.observability.grafana import as_json

BOARDS = (viewers, each_service, edges, regions, objectives, run)


def files() -> dict[str, str]:
    """The text of every dashboard by the name of its file."""
    boards = [module.board() for module in BOARDS]
    return {
        f"{each.uid.removeprefix('steadfast-')}.json": json.dumps(as_json(each), indent=1) + "\n" for each in boards
    }
