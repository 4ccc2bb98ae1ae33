"""A user's own two services for tests: `python -m http.server`, not written here, and a relay that asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RELAY = """\
import http.server, os, sys, urllib.request

STORES = os.environ["STORE"].split(",")


class Relay(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        for store in STORES:
            try:
                with urllib.request.urlopen(store + self.path, timeout=0.5) as answer:
                    body = answer.read()
            except OSError:
                continue
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_error(502)

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Relay).serve_forever()
"""

ENVIRONMENT = """\
apiVersion: chaos/v1
kind: Environment
name: shop
type: local
armed: true
settings:
  processes:
    - name: store
      command: {python} -m http.server {{port}} --bind 127.0.0.1
      port: {port}
      replicas: 2
      labels: {{monkey: welcome}}
    - name: shop
      command: {python} relay.py {{port}}
      port: {shop_port}
      health: /
      calls: [{{service: store, variable: STORE}}]
"""

LOCUSTFILE = """\
from locust import FastHttpUser, constant, task


class Customer(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        self.client.get("/", name="look")
"""


def write_system(folder: Path, port: int) -> Path:
    """The environment file, with all that it speaks of beside it."""
    (folder / "relay.py").write_text(RELAY)
    (folder / "locustfile.py").write_text(LOCUSTFILE)
    file = folder / "shop.yaml"
    file.write_text(ENVIRONMENT.format(python=sys.executable, port=port, shop_port=port + 2))
    return file


def chaos(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `chaos` to its end, in the folder above `home`."""
    search_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-c", "from chaos.cli import main; main()", *arguments],
        env={**os.environ, "STEADFAST_HOME": str(home), "PYTHONPATH": search_path},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
