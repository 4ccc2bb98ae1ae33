"""The fault proxy's API is Toxiproxy's: the same conversations with both; where ours differs, the data says why."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import toxiproxy
from tests.ports import free, own

FILES = [Path(__file__).with_name(f"{name}.yaml") for name in ("api", "populate", "toxics")]
CASES = {case: steps for file in FILES for case, steps in yaml.safe_load(file.read_text()).items()}
TOXICS = yaml.safe_load(FILES[2].read_text())
SERVERS = {"toxiproxy": toxiproxy.real, "ours": toxiproxy.ours}
PORTS = {"toxiproxy": own(30600, 20), "ours": own(30610, 20)}


class Server:
    """One of the two, and addresses for it: {a}, {b} and {c} are free, {busy} is not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ours = name == "ours"
        self.port, *others = islice(free(PORTS[name]), 5)
        ports = dict(zip(("a", "b", "c", "busy"), others, strict=True))
        self.busy_port = ports["busy"]
        self._words = {f"{{{word}}}": f"127.0.0.1:{port}" for word, port in ports.items()}
        self._words |= {f"{{{word} port}}": str(port) for word, port in ports.items()}

    def ask(self, method: str, path: str, body: bytes | None = None, agent: str = "test") -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"User-Agent": agent})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def empty(self) -> None:
        for name in json.loads(self.ask("GET", "/proxies")[1]):
            # Toxiproxy cannot address a name with a slash; what it has under one is disabled and in nobody's way.
            self.ask("DELETE", f"/proxies/{name.replace('/', '%2F').replace(' ', '%20')}")

    def filled(self, value: Any) -> Any:
        """The value with the addresses in place of their words."""
        text = json.dumps(value)
        for word, address in self._words.items():
            text = text.replace(word, address)
        return json.loads(text)


@pytest.fixture(scope="module", params=["toxiproxy", "ours"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.param)
    with SERVERS[made.name](made.port), socket.create_server(("127.0.0.1", made.busy_port)):
        yield made


@pytest.mark.parametrize("case", CASES)
def test_every_conversation_goes_as_the_data_says(server: Server, case: str) -> None:
    server.empty()
    if case in TOXICS:
        proxy = server.filled({"name": "x", "listen": "{a}", "upstream": "{b}"})
        assert server.ask("POST", "/proxies", json.dumps(proxy).encode())[0].status == 201
    for step in server.filled(CASES[case]):
        method, path = step["send"].split(" ")
        sent = step["raw"].encode() if "raw" in step else json.dumps(step["body"]).encode() if "body" in step else None
        response, body = server.ask(method, path, sent, step.get("agent", "test"))
        wanted = step["ours"] if server.ours and "ours" in step else step
        check(wanted, response, body, f"{step['send']} {sent!r}")


def test_what_is_not_an_answer_of_toxiproxy_is_explained() -> None:
    for case, steps in CASES.items():
        for step in steps:
            assert ("ours" in step) == ("why" in step), case


def check(wanted: dict[str, Any], response: HTTPResponse, body: bytes, sent: str) -> None:
    said = f"{sent} got {response.status} {body!r}"
    kind = response.headers.get("Content-Type", "")
    assert response.status == wanted["gets"], said
    if "json" in wanted:
        assert kind == "application/json", said
        assert matches(wanted["json"], without_logger(json.loads(body))), said
    if "error" in wanted:
        assert (kind, response.headers["X-Content-Type-Options"]) == ("text/plain; charset=utf-8", "nosniff"), said
        assert body.endswith(b"}\n"), said
        assert matches({"error": wanted["error"], "status": wanted["gets"]}, json.loads(body)), said
    if "text" in wanted:
        assert (body.decode(), kind) == (wanted["text"], wanted.get("type", "")), said
    named = "error" in wanted or response.status not in (301, 404, 405)
    assert ("X-Toxiproxy-Request-Id" in response.headers) == named, said


def matches(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(matches(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(matches, wanted, got))
    if isinstance(wanted, str) and wanted.endswith("*"):
        return isinstance(got, str) and got.startswith(wanted[:-1])
    return bool(wanted == got)


def without_logger(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_logger(item) for key, item in value.items() if key != "Logger"}
    return [without_logger(item) for item in value] if isinstance(value, list) else value
