"""`python -m target_platform.media --cache DIR` prepares the media and prints where it is, as JSON.

`--check` only says which encoder would do it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from target_platform.media import MediaError, prepare
from target_platform.media.ffmpeg import find_binary


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m target_platform.media", description=__doc__)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--cache", type=Path, metavar="DIR", help="where encoded media is kept")
    wanted.add_argument("--check", action="store_true", help="only look for the encoder")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            print(find_binary("ffmpeg"))
            return 0
        folder = prepare(arguments.cache)
    except MediaError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"media": str(folder)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
