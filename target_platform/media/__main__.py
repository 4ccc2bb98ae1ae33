"""`python -m target_platform.media --cache DIR` prepares the media and prints where it is, as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from target_platform.media import MediaError, prepare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m target_platform.media", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="where encoded media is kept")
    arguments = parser.parse_args()
    try:
        folder = prepare(arguments.cache)
    except MediaError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"media": str(folder)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
