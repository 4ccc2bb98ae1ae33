"""The launcher starts what it is told in order, and starts again what dies."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.launcher.spec import InstanceSpec, LinkSpec, ProxySpec
from tests.local.launcher_trial import PORTS, Trial, bundled, server, until

PROXY = r"""
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(open(sys.argv[4], "rb").read())
    def log_message(self, *arguments): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    yield trial
    trial.close()


def test_what_dies_is_running_again_at_once_under_a_new_pid(trial: Trial) -> None:
    trial.launch(server("a"), server("b"))
    before = trial.pid("a")
    bystander = trial.pid("b")
    os.kill(before, signal.SIGKILL)
    until(lambda: trial.instance("a").restarts == 1)
    trial.until_ready("a")
    assert trial.answer("a") == str(trial.pid("a")) != str(before)
    assert trial.pid("b") == bystander


def test_what_keeps_dying_is_started_less_and_less_often(trial: Trial) -> None:
    crash = "import time; print(time.time(), flush=True)"
    doomed = InstanceSpec(
        name="a", service="s", region="r1", port=next(PORTS), command=(sys.executable, "-S", "-c", crash)
    )
    from target_platform.launcher.launch_file import write_spec
    from target_platform.launcher.spec import LaunchSpec

    write_spec(trial.folder, LaunchSpec(name="trial", regions=("r1",), instances=(doomed,)))
    trial.start_launcher()
    log = trial.folder.log("a", "r1")
    until(lambda: log.exists() and len(log.read_text().split()) == 4)
    starts = [float(line) for line in log.read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[1] >= 0.5
    assert pauses[2] >= 1.0
    assert pauses[0] < pauses[2], "the first time at once"
    until(lambda: trial.instance("a").state == "backing off")
    assert trial.instance("a").pid is None


def test_what_a_dead_process_leaves_in_its_session_ends_with_it(trial: Trial) -> None:
    parent = "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', sys.argv[2], sys.argv[1]]).wait()"
    from tests.local.launcher_trial import SERVER

    family = InstanceSpec(
        name="a",
        service="s",
        region="r1",
        port=next(PORTS),
        command=(sys.executable, "-S", "-c", parent, "{port}", SERVER),
    )
    trial.launch(family)
    child = int(trial.answer("a"))
    assert child != trial.pid("a")
    os.kill(trial.pid("a"), signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists())
    until(lambda: trial.instance("a").restarts == 1)
    trial.until_ready("a")
    assert trial.answer("a") != str(child)


def test_a_service_starts_when_what_it_needs_is_ready(trial: Trial) -> None:
    trial.launch(
        server("front-1", "front", after=("back",)), server("back-1", "back", slow=0.8), server("back-2", "back")
    )
    born = {each.name: each.started or 0 for each in trial.state().instances}
    is_slow = 0.7 * os.sysconf("SC_CLK_TCK")
    assert born["front-1"] - born["back-1"] >= is_slow
    assert abs(born["back-2"] - born["back-1"]) < is_slow, "those that need nobody do not wait for each other"


def test_a_proxy_comes_first_and_comes_back_with_its_own_configuration(trial: Trial) -> None:
    instance = server("a")
    link = LinkSpec(
        name="s-to-a",
        source="s",
        source_region="r1",
        destination="s",
        destination_region="r1",
        destination_instance="a",
        listen_port=next(PORTS),
        upstream_port=instance.port,
        base_delay_ms=30.0,
    )
    proxy = ProxySpec(region="r1", api_port=next(PORTS))
    trial.launch(instance, links=(link,), proxies=(proxy,), proxy_command=(sys.executable, "-c", PROXY))
    before = trial.state().proxies[0]
    assert (before.started or 0) <= (trial.instance("a").started or 0)
    assert trial.state().links[0].proxy_api == before.api
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: trial.state().proxies[0].state == "ready" and trial.state().proxies[0].pid != before.pid)
    with urllib.request.urlopen(before.api) as answer:
        config = json.loads(answer.read())
    upstream, listen = f"127.0.0.1:{instance.port}", f"127.0.0.1:{link.listen_port}"
    assert config == {"proxies": [{"name": "s-to-a", "listen": listen, "upstream": upstream, "base_delay_ms": 30.0}]}


def test_services_outlive_their_zygote_and_a_new_zygote_serves_the_next_death(trial: Trial, tmp_path: Path) -> None:
    trial.launch(bundled("a", tmp_path / "policies.yaml"), bundled("b", tmp_path / "policies.yaml"))
    zygote, a, b = trial.state().zygote, trial.pid("a"), trial.pid("b")
    assert zygote is not None
    os.kill(zygote["pid"], signal.SIGKILL)
    os.kill(b, signal.SIGKILL)
    until(lambda: trial.instance("b").pid not in (b, None))
    trial.until_ready()
    assert trial.answer("b") == "none"
    assert trial.pid("a") == a
    assert trial.state().zygote not in (zygote, None)


def test_dead_services_leave_no_zombies(trial: Trial, tmp_path: Path) -> None:
    trial.launch(server("a"), bundled("b", tmp_path / "policies.yaml"))
    dead = [trial.pid("a"), trial.pid("b")]
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in dead))


def test_a_port_in_use_is_named_with_its_user_and_nothing_is_started(trial: Trial) -> None:
    from target_platform.launcher.launch_file import write_spec
    from target_platform.launcher.spec import LaunchSpec

    free, taken = server("a"), server("b")
    write_spec(trial.folder, LaunchSpec(name="trial", regions=("r1",), instances=(free, taken)))
    with socket.create_server(("127.0.0.1", taken.port)):
        said = trial.start_launcher()
    assert said["event"] == "error"
    assert f"port {taken.port}, which b needs, is already in use by process {os.getpid()}" in said["message"]
    until(lambda: trial.processes() == [])


def test_a_launcher_with_nothing_to_do_does_nothing(trial: Trial, tmp_path: Path) -> None:
    trial.launch(server("a"), bundled("b", tmp_path / "policies.yaml"))

    def wakeups() -> int:
        lines = Path(f"/proc/{trial.launcher_pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches")))

    def sleeps_on() -> bool:
        before = wakeups()
        time.sleep(0.5)
        return wakeups() == before

    until(sleeps_on)  # on a busy machine it has still to finish what the launch began


def test_sigterm_takes_everything_down_in_order(trial: Trial, tmp_path: Path) -> None:
    trial.launch(server("a"), bundled("b", tmp_path / "policies.yaml"))
    assert trial.signal_launcher(signal.SIGTERM) == 0
    assert trial.processes() == []
    assert [each.state for each in trial.state().instances] == ["stopped", "stopped"]
