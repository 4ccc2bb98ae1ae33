"""How long a command takes, beside Chaos Toolkit's. `make bench PYTEST_ARGS="-s -k command"`."""

from __future__ import annotations

import http.server
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.conductor import own_process

PAIRS = 15
PORT = 25990
OTHER = "chaostoolkit==1.19.0"
ROOT = Path(__file__).resolve().parents[2]
TRIVIAL = f"""
apiVersion: chaos/v1
kind: Experiment
name: trivial
hypothesis: The server answers.
steadyState:
  - {{name: it answers, probe: {{http: {{url: "http://127.0.0.1:{PORT}/"}}}}, target: ">= 10%"}}
recovery: 0s
"""
THE_SAME = {
    "title": "trivial",
    "description": "The server answers.",
    "steady-state-hypothesis": {
        "title": "it answers",
        "probes": [
            {
                "type": "probe",
                "name": "it-answers",
                "tolerance": 200,
                "provider": {"type": "http", "url": f"http://127.0.0.1:{PORT}/", "timeout": 1},
            }
        ],
    },
    "method": [],
    "rollbacks": [],
}


def test_command_help(tmp_path: Path) -> None:
    ours = [_seconds(_chaos("--help"), tmp_path) for _ in range(PAIRS)]
    print(f"\nchaos --help: median {statistics.median(ours) * 1000:.0f} ms, fastest {min(ours) * 1000:.0f} ms", end="")


def test_command_run_of_a_trivial_experiment_beside_chaos_toolkits(tmp_path: Path) -> None:
    """The same HTTP probe of the same server, no action: pairs A B A B, so that both have the same machine."""
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [str(tmp_path / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OTHER]
    subprocess.run(pip, check=True)
    (tmp_path / "theirs.json").write_text(json.dumps(THE_SAME))
    (tmp_path / "trivial.yaml").write_text(TRIVIAL)
    state = {"name": "here", "launcher": own_process()}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "here.yaml").write_text(
        "{apiVersion: chaos/v1, kind: Environment, name: here, type: local, armed: true, settings: {state: state.json}}"
    )
    ours, theirs = [], []
    with _server():
        for _ in range(PAIRS + 1):
            ours.append(_seconds(_chaos("run", "trivial.yaml", "-e", "here.yaml"), tmp_path))
            theirs.append(_seconds([str(tmp_path / "venv/bin/chaos"), "run", "theirs.json"], tmp_path))
    ours, theirs = ours[1:], theirs[1:]  # the first ones compile
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    print(f"\nchaos run: median {statistics.median(ours) * 1000:.0f} ms, fastest {min(ours) * 1000:.0f} ms", end="")
    print(f"; {OTHER}: {statistics.median(theirs) * 1000:.0f} ms, {min(theirs) * 1000:.0f} ms", end="")
    print(f"; median ratio of {PAIRS} pairs {ratio:.2f}", end="")


def _chaos(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]


def _seconds(command: list[str], folder: Path) -> float:
    """With compiled modules kept in a folder of the benchmark's own, for both alike."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(folder / "pyc"), "STEADFAST_HOME": str(folder / "home")}
    if command[0] == sys.executable:
        environment["PYTHONPATH"] = str(ROOT)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    took = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    return took


@contextmanager
def _server() -> Iterator[None]:
    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
