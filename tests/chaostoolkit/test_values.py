"""Configuration, secrets and what is put in the place of `${name}`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chaos.chaostoolkit.values import Values, resolve, unset
from chaos.model.chaostoolkit import ToolkitExperiment
from chaos.model.errors import BadInput, Refused
from chaos.spec.chaostoolkit import read_chaostoolkit


def of(**parts: Any) -> ToolkitExperiment:
    return read_chaostoolkit(json.dumps({"title": "t", "description": "d", "method": [], **parts}), "e.json")


def resolved(variables: dict[str, str] | None = None, **parts: Any) -> Values:
    return resolve(of(**parts), variables or {}, lambda probe, values: f"asked {values.filled(probe['provider'])}")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "1", "1"),
        ("int", "12", 12),
        ("float", "0.5", 0.5),
        ("bytes", "ab", b"ab"),
        ("bool", "No", False),
        ("bool", "whatever", True),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "", ""),
    ],
)
def test_an_environment_variable_has_the_type_that_is_asked_for(
    kind: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAL", text)
    assert resolved(configuration={"x": {"type": "env", "key": "TRIAL", "env_var_type": kind}}).configuration == {
        "x": value
    }


def test_what_is_not_set_has_its_default_or_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAL", raising=False)
    without: dict[str, Any] = {"type": "env", "key": "TRIAL"}
    assert resolved(configuration={"x": {**without, "default": 3}}).configuration == {"x": 3}
    with pytest.raises(BadInput, match="TRIAL is not set"):
        resolved(configuration={"x": without})
    with pytest.raises(BadInput, match=r"secret g\.x: the environment variable TRIAL"):
        resolved(secrets={"g": {"x": without}})
    assert unset(of(configuration={"x": without}, secrets={"g": {"y": without}})) == ["TRIAL", "TRIAL"]
    assert resolved({"x:int": "4"}, configuration={"x": without}).configuration == {"x": 4}, "--var comes first"


def test_a_value_that_is_asked_for_knows_those_that_are_not() -> None:
    provider = {"type": "http", "url": "${base}/region"}
    found = resolved(configuration={"base": "http://here", "region": {"type": "probe", "provider": provider}})
    assert found.configuration["region"] == "asked {'type': 'http', 'url': 'http://here/region'}"


VALUES = Values(
    {"n": 5, "s": "text", "d": {"deep": [1]}, "both": "from the configuration"}, {"g": {"both": "x", "k": "q"}}
)


@pytest.mark.parametrize(
    ("data", "filled"),
    [
        ("${n}", 5),
        ("$n", 5),
        ("n is ${n}", "n is 5"),
        ("${d}", {"deep": [1]}),
        ("${unknown} ${s}", "${unknown} text"),
        ("costs $5 and 100%", "costs $5 and 100%"),
        ("${both}${k}", "from the configurationq"),
        ({"a": ["${n}", {"b": "$s"}], "c": 1}, {"a": [5, {"b": "text"}], "c": 1}),
        ("$$n", "$n"),
    ],
)
def test_placeholders_follow_the_rules_of_templates(data: Any, filled: Any) -> None:
    assert VALUES.filled(data) == filled


def test_a_function_gets_the_groups_it_names_as_one() -> None:
    values = Values({}, {"a": {"x": 1}, "b": {"y": 2}, "c": {"z": 3}})
    assert values.flat_secrets(("a", "b")) == {"x": 1, "y": 2}


class _Vault(BaseHTTPRequestHandler):
    """The two engines and two ways to log in, as the real one answers."""

    def do_GET(self) -> None:
        told: dict[str, dict[str, Any]] = {
            "/v1/secret/data/shop": {"data": {"data": {"password": "p2"}}},
            "/v1/old/shop": {"data": {"password": "p1"}},
        }
        allowed = self.headers.get("X-Vault-Token") in ("given", "logged-in")
        self._send(200 if allowed and self.path in told else 403, told.get(self.path, {}))

    def do_POST(self) -> None:
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/v1/auth/approle/login" and login == {"role_id": "r", "secret_id": "s"}
        self._send(200 if good else 400, {"auth": {"client_token": "logged-in"}} if good else {})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def vault() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Vault) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_secret_comes_out_of_a_vault(vault: str) -> None:
    def secret(path: str, **configuration: str) -> Any:
        asked = {"type": "vault", "path": path, "key": "password"}
        return resolved(configuration={"vault_addr": vault, **configuration}, secrets={"g": {"x": asked}}).secrets["g"][
            "x"
        ]

    assert secret("shop", vault_token="given") == "p2"
    assert secret("shop", vault_role_id="r", vault_role_secret="s") == "p2"
    old = {"vault_kv_version": "1", "vault_secrets_mount_point": "old"}
    assert secret("shop", vault_token="given", **old) == "p1"
    with pytest.raises(Refused, match="the Vault answered 403"):
        secret("shop", vault_token="wrong")
    with pytest.raises(BadInput, match="how to log in"):
        secret("shop")
