"""The bundled platform under the launcher, as `chaos demo` and `chaos platform` bring it up and take it down."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cli import platform
from chaos.model.errors import BadInput, Refused
from target_platform.launcher.process import identity_of
from tests.local.launcher_trial import ROOT, Trial, until

BASE_PORT = 32000


@pytest.fixture
def trial(steadfast_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    """Looks at what the commands do; its mark is in the environment of everything they start."""
    trial = Trial(steadfast_home / "platform")
    monkeypatch.setenv("STEADFAST_TRIAL", str(trial.folder.home))
    monkeypatch.chdir(ROOT)
    yield trial
    platform.down(lambda sentence: None)
    trial.close()


def test_the_platform_comes_up_is_weakened_adopted_and_leaves_nothing(trial: Trial) -> None:
    said: list[str] = []
    platform.up((), BASE_PORT, said.append)
    state = trial.state()
    gateways = [each.address for each in state.instances if each.service == "gateway"]
    assert all(address in "".join(said) for address in gateways)
    for address in gateways:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=20) as answer:
            assert answer.status == 200
    wanted = len(state.instances) + len(state.proxies) + 2  # zygote and launcher
    until(lambda: len(trial.processes()) == wanted)

    platform.up(["no-edge-failover"], None, said.append)
    assert trial.state().weakened == ("no-edge-failover",)
    assert "no-edge-failover" in trial.folder.policies("").read_text()
    before = {each.name: each.pid for each in trial.state().supervised}

    os.kill(launcher := trial.state().launcher["pid"], signal.SIGKILL)
    until(lambda: identity_of(launcher) is None)
    platform.up(["no-edge-failover"], None, said.append)
    assert {each.name: each.pid for each in trial.state().supervised} == before

    os.kill(victim := trial.pid(state.instances[0].name), signal.SIGKILL)
    until(lambda: trial.instance(state.instances[0].name).pid not in (victim, None))
    trial.until_ready()

    with pytest.raises(Refused, match="other ports"):
        platform.up((), BASE_PORT + 1, said.append)
    platform.down(said.append)
    assert said[-1] == "the platform is down"
    assert trial.processes() == []


def test_a_port_in_use_is_refused_with_one_sentence_and_nothing_runs(trial: Trial) -> None:
    from target_platform.topology import launch_spec

    taken = launch_spec(trial.folder.home, BASE_PORT).instances[3]
    with (
        socket.create_server(("127.0.0.1", taken.port)),
        pytest.raises(Refused, match=f"port {taken.port}, which {taken.name} needs.* process {os.getpid()} "),
    ):
        platform.up((), BASE_PORT, print)
    assert trial.processes() == []


def test_an_unknown_weakness_is_bad_input_with_a_suggestion(trial: Trial) -> None:
    with pytest.raises(BadInput, match="did you mean no-edge-failover"):
        platform.up(["no-egde-failover"], BASE_PORT, print)
    assert trial.processes() == []
