"""`chaos proxy serve` over its lifetimes: what a state file brings back, what a seed repeats, whom a token lets in."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

PORT = 30650


@contextmanager
def serving(*options: str | Path) -> Iterator[subprocess.Popen[str]]:
    arguments = ["proxy", "serve", "--port", str(PORT), *map(str, options)]
    command = [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("proxy: Toxiproxy's API at http://")
            yield process
        finally:
            process.kill()


def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
    connection = HTTPConnection("127.0.0.1", PORT, timeout=20)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        response = connection.getresponse()
        text = response.read()
        assert response.status < 400, text
        return json.loads(text) if text else None
    finally:
        connection.close()


def test_all_comes_back_after_a_kill_but_what_expired_meanwhile(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with serving("--state", state) as process:
        ask("POST", "/proxies", {"name": "a/b", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "base_delay_ms": 5})
        ask("POST", "/proxies", {"name": "off", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "enabled": False})
        ask("POST", "/proxies/a%2Fb/toxics", {"type": "latency", "attributes": {"latency": 7}, "toxicity": 0.5})
        ask("POST", "/proxies/a%2Fb/toxics", {"type": "timeout", "expires_at": time.time() + 60})
        ends = time.time() + 0.3
        ask("POST", "/proxies/a%2Fb/toxics", {"type": "noop", "expires_at": ends})
        before = ask("GET", "/proxies")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    while time.time() < ends:
        time.sleep(0.05)
    with serving("--state", state):
        after = ask("GET", "/proxies")
    toxics = before["a/b"]["toxics"]
    before["a/b"]["toxics"] = [each for each in toxics if each["type"] != "noop"]
    assert len(before["a/b"]["toxics"]) == 2
    assert after == before


def test_the_configuration_is_for_the_first_start_and_a_toxic_in_it_ends_in_time(tmp_path: Path) -> None:
    state, config = tmp_path / "state.json", tmp_path / "proxies.json"
    toxic = {"type": "noop", "expires_at": time.time() + 60}
    config.write_text(
        json.dumps([{"name": "a", "upstream": "127.0.0.1:1", "toxics": [toxic]}, {"name": "b", "upstream": "h:1"}])
    )
    with serving("--state", state, "--config", config):
        assert sorted(ask("GET", "/proxies")) == ["a", "b"]
        assert len(ask("GET", "/proxies/a/toxics")) == 1
        ask("DELETE", "/proxies/b")
    with serving("--state", state, "--config", config) as process:
        assert sorted(ask("GET", "/proxies")) == ["a"]
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == f"proxy: goes on with {state}; {config} is for the first start\n"


def test_a_seed_gives_each_proxy_the_same_draws_again_whatever_passes_the_others() -> None:
    def drawn(seed: int, others: int) -> list[bool]:
        with serving("--seed", str(seed)):
            for name in ("a", "b"):
                ask("POST", "/proxies", {"name": name, "upstream": f"127.0.0.1:{PORT}"})
                ask("POST", f"/proxies/{name}/toxics", {"type": "noop", "toxicity": 0.5})
            for _ in range(others):
                connect("b").close()
            clients = [connect("a") for _ in range(24)]
            on = {each["client"]: bool(each["toxics"]) for each in listed("a", len(clients))}
            got = [on[f"127.0.0.1:{client.getsockname()[1]}"] for client in clients]
            for client in clients:
                client.close()
            return got

    first = drawn(1, others=3)
    assert drawn(1, others=0) == first
    assert drawn(2, others=0) != first
    assert True in first
    assert False in first


def connect(proxy: str) -> socket.socket:
    host, port = ask("GET", f"/proxies/{proxy}")["listen"].split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def listed(proxy: str, count: int) -> Any:
    ends = time.monotonic() + 30
    while len(found := ask("GET", f"/proxies/{proxy}/connections")) < count:
        assert time.monotonic() < ends, found
        time.sleep(0.01)
    return found


def test_a_token_is_asked_for_and_where_there_is_none_the_network_is_warned_of(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("open-sesame\n")
    with serving("--token-file", token, "--host", "0.0.0.0") as process:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=20)
        connection.request("GET", "/proxies")
        assert connection.getresponse().status == 401
        connection.close()
        assert ask("GET", "/proxies", Authorization="Bearer open-sesame") == {}
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with serving("--host", "0.0.0.0") as process:
        process.terminate()
        assert process.stderr is not None
        assert "whoever reaches 0.0.0.0:30650 can break what passes here" in process.stderr.read()


def test_bytes_are_counted_while_a_connection_is_open() -> None:
    with serving("--proxy-metrics", "--runtime-metrics"):
        ask("POST", "/proxies", {"name": "a", "upstream": f"127.0.0.1:{PORT}"})
        with connect("a") as client:
            client.sendall(b"GET /version HTTP/1.1\r\n\r\n")
            received = 0
            while b"}" not in (part := client.recv(1000)):
                received += len(part)
            received += len(part)
            connection = HTTPConnection("127.0.0.1", PORT, timeout=20)
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
            connection.close()
    of_downstream = [line for line in lines if 'direction="downstream"' in line]
    assert [line.partition("{")[0] for line in of_downstream] == [
        "toxiproxy_proxy_received_bytes_total",
        "toxiproxy_proxy_sent_bytes_total",
    ]
    assert [int(line.rpartition(" ")[2]) for line in of_downstream] == [received, received]
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)


def test_what_cannot_begin_says_so_in_a_sentence_and_ends_with_2(tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken.json", tmp_path / "empty"
    broken.write_text("[{")
    empty.write_text("")
    for options, said in (
        (["--state", broken], f"{broken} does not hold proxies"),
        (["--config", tmp_path / "none"], "cannot read the configuration"),
        (["--token-file", empty], f"{empty} holds no token"),
        (["--host", "1.2.3.4"], "1.2.3.4"),
    ):
        arguments = ["-m", "chaos.proxy", "serve", "--port", str(PORT), *map(str, options)]
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert said in done.stderr
