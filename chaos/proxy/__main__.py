"""`python -m chaos.proxy serve`: as `chaos proxy serve`, for who starts many, without the rest of the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chaos.model.errors import ChaosError
from chaos.proxy.serve import Options, serve


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Exit code 2, after one sentence on stderr, when that cannot begin."""
    given = vars(_parser().parse_args(arguments))
    del given["command"]
    try:
        serve(Options(**given))
    except ChaosError as error:
        print(f"proxy: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.proxy", description=sys.modules["chaos.proxy"].__doc__)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", help="carry links until stopped")
    serve.add_argument("--port", "--api-port", type=int, required=True)
    serve.add_argument("--host", "--api-host", default="127.0.0.1")
    serve.add_argument("--config", type=Path, help='[{"name", "listen", "upstream"}]')
    serve.add_argument("--state", type=Path, help="keep proxies and toxics in this file, and go on with them")
    serve.add_argument("--token-file", type=Path, help="answer only requests that carry the token in this file")
    serve.add_argument("--seed", type=int, default=None, help="makes jitter and toxicity repeatable")
    serve.add_argument("--proxy-metrics", action="store_true", help="bytes of each proxy at /metrics")
    serve.add_argument("--runtime-metrics", action="store_true", help="what the process takes at /metrics")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
