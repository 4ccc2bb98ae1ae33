"""The API as Toxiproxy's clients know it: shapes, status codes, error texts and the order of checks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from chaos.proxy.api import Api
from chaos.proxy.config import ProxyConfig
from chaos.proxy.http import Request, Response
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxics import Runtime

NAME = "east/web>west/store-1"
PATH = "/proxies/east%2Fweb%3Ewest%2Fstore-1"
TOXIC = {"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": 100, "jitter": 10}}


@pytest.fixture
def api() -> Iterator[Api]:
    loop = Loop()
    proxy = Proxy(ProxyConfig(name=NAME, listen="127.0.0.1:1", upstream="127.0.0.1:2"), Runtime(loop, Random(1)))
    yield Api({NAME: proxy})
    proxy.close()
    loop.stop()


def ask(api: Api, method: str, path: str, body: Any = None, agent: str = "test") -> Response:
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.answer(Request(method=method, path=path, headers={"user-agent": agent}, body=sent))


def error(response: Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    said = json.loads(response.body)
    assert said["status"] == response.status
    assert response.body.endswith(b"}\n")
    return response.status, said["error"]


def test_the_version_is_one_that_clients_can_compare(api: Api) -> None:
    response = ask(api, "GET", "/version")
    assert response.body == b'{"version": "2.12.0"}\n'
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"


def test_proxies_are_listed_by_name(api: Api) -> None:
    response = ask(api, "GET", "/proxies")
    assert response.headers["Content-Type"] == "application/json"
    shape = {"name": NAME, "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": False, "toxics": []}
    assert json.loads(response.body) == {NAME: shape}
    assert json.loads(ask(api, "GET", PATH).body) == shape


def test_a_toxic_is_created_with_200_shown_and_deleted_with_204(api: Api) -> None:
    created = ask(api, "POST", f"{PATH}/toxics", TOXIC)
    assert created.status == 200
    assert json.loads(created.body) == {**TOXIC, "toxicity": 1.0}
    assert json.loads(ask(api, "GET", f"{PATH}/toxics/slow").body) == {**TOXIC, "toxicity": 1.0}
    assert json.loads(ask(api, "GET", PATH).body)["toxics"] == [{**TOXIC, "toxicity": 1.0}]
    deleted = ask(api, "DELETE", f"{PATH}/toxics/slow")
    assert (deleted.status, deleted.body) == (204, b"")
    assert error(ask(api, "DELETE", f"{PATH}/toxics/slow")) == (404, "toxic not found")


def test_upstream_toxics_are_listed_first(api: Api) -> None:
    for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream")):
        ask(api, "POST", f"{PATH}/toxics", {"name": name, "type": "latency", "stream": stream})
    listed = json.loads(ask(api, "GET", f"{PATH}/toxics").body)
    assert [toxic["name"] for toxic in listed] == ["b", "a", "c"]


def test_what_is_left_out_has_a_default(api: Api) -> None:
    created = json.loads(ask(api, "POST", f"{PATH}/toxics", {"type": "latency"}).body)
    attributes = {"latency": 0, "jitter": 0}
    shape = {"name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1.0}
    assert created == {**shape, "attributes": attributes}


def test_names_of_keys_may_have_any_case_and_unknown_keys_are_ignored(api: Api) -> None:
    body = {"Type": "latency", "ATTRIBUTES": {"Latency": 7, "wings": 2}, "colour": "blue"}
    assert json.loads(ask(api, "POST", f"{PATH}/toxics", body).body)["attributes"]["latency"] == 7


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "bad request body: EOF"),
        ({"type": "latency", "stream": "sideways"}, 400, "stream was invalid, can be either upstream or downstream"),
        ({"type": "latency", "stream": ""}, 400, "stream was invalid, can be either upstream or downstream"),
        ({"type": "no such", "stream": "sideways"}, 400, "stream was invalid, can be either upstream or downstream"),
        ({}, 400, "invalid toxic type"),
        ({"type": "../latency"}, 400, "invalid toxic type"),
        ({"type": "no such", "name": "slow"}, 400, "invalid toxic type"),
        ({"type": "latency", "name": "slow", "attributes": {"latency": "x"}}, 409, "toxic already exists"),
        ({"type": "latency", "name": "slow", "stream": "upstream"}, 409, "toxic already exists"),
    ],
)
def test_a_toxic_that_cannot_be_made_is_refused_for_the_first_reason(
    api: Api, body: Any, status: int, text: str
) -> None:
    ask(api, "POST", f"{PATH}/toxics", TOXIC)
    assert error(ask(api, "POST", f"{PATH}/toxics", body)) == (status, text)


@pytest.mark.parametrize("body", [b"{", b"[1]", {"type": 5}, {"type": "latency", "attributes": {"latency": 10.5}}])
def test_a_body_of_the_wrong_form_is_a_bad_request(api: Api, body: Any) -> None:
    status, text = error(ask(api, "POST", f"{PATH}/toxics", body))
    assert (status, text.startswith("bad request body: ")) == (400, True)


def test_a_lease_is_shown_and_one_that_is_over_is_refused(api: Api) -> None:
    expires_at = time.time() + 60
    created = ask(api, "POST", f"{PATH}/toxics", {**TOXIC, "expires_at": expires_at})
    assert json.loads(created.body)["expires_at"] == expires_at
    late = error(ask(api, "POST", f"{PATH}/toxics", {**TOXIC, "name": "late", "expires_at": 1.0}))
    assert late == (400, "bad request body: expires_at has passed")


def test_unknown_names_are_not_found(api: Api) -> None:
    assert error(ask(api, "GET", "/proxies/nobody")) == (404, "proxy not found")
    assert error(ask(api, "POST", "/proxies/nobody/toxics", TOXIC)) == (404, "proxy not found")
    assert error(ask(api, "GET", f"{PATH}/toxics/nothing")) == (404, "toxic not found")


def test_unknown_routes_and_verbs_answer_as_go_does(api: Api) -> None:
    unknown = ask(api, "GET", "/not_found", agent="Mozilla/5.0")
    assert (unknown.status, unknown.body) == (404, b"404 page not found\n")
    wrong = ask(api, "PUT", "/proxies")
    assert (wrong.status, wrong.body) == (405, b"")
    assert "X-Toxiproxy-Request-Id" not in {**unknown.headers, **wrong.headers}


def test_browsers_are_kept_out_and_every_known_route_names_the_request(api: Api) -> None:
    browser = ask(api, "GET", "/proxies", agent="Mozilla/5.0 (X11)")
    assert (browser.status, browser.body) == (403, b"User agent not allowed\n")
    ids = {ask(api, "GET", path).headers["X-Toxiproxy-Request-Id"] for path in ("/version", "/proxies", "/proxies/x")}
    assert len(ids) == 3
