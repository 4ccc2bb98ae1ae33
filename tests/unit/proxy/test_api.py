"""What the API has beside Toxiproxy's; that is in tests/contract/proxy, held against the original."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from chaos.proxy.api import Api
from chaos.proxy.http import Request, Response
from chaos.proxy.loop import Loop
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxies import Proxies
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxics import Runtime

NAME = "east/web>west/store-1"
PATH = "/proxies/east%2Fweb%3Ewest%2Fstore-1"
TOXIC = {"name": "slow/1", "type": "latency", "stream": "downstream", "attributes": {"latency": 100, "jitter": 10}}


class Bench:
    """An API over a loop that does not run, so that all happens at once, and a disabled proxy."""

    def __init__(self, **options: Any) -> None:
        self.loop = Loop()
        self.kept: list[list[dict[str, object]]] = []
        metrics = Metrics(proxies=True, runtime=True)
        self.proxies = Proxies(lambda config: Proxy(config, Runtime(self.loop, Random(1))), metrics.ended)
        self.api = Api(self.proxies, self.loop, **{"metrics": metrics, "keep": self.kept.append, **options})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = b"" if body is None else json.dumps(body).encode()
        return self.api.answer(Request(method=method, path=path, headers=headers, body=sent))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.ask("POST", "/proxies", {"name": NAME, "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": False})
    yield made
    made.proxies.close()
    made.loop.stop()


def test_names_with_a_slash_are_addressed_percent_encoded(bench: Bench) -> None:
    assert bench.ask("POST", f"{PATH}/toxics", TOXIC).status == 200
    assert json.loads(bench.ask("GET", f"{PATH}/toxics/slow%2F1").body) == {**TOXIC, "toxicity": 1.0}
    assert bench.ask("PATCH", f"{PATH}/toxics/slow%2F1", {"toxicity": 0.5}).status == 200
    assert bench.ask("DELETE", f"{PATH}/toxics/slow%2F1").status == 204
    assert bench.ask("DELETE", PATH).status == 204


def test_a_lease_is_shown_and_one_that_is_over_is_refused(bench: Bench) -> None:
    expires_at = time.time() + 60
    created = bench.ask("POST", f"{PATH}/toxics", {**TOXIC, "expires_at": expires_at})
    assert json.loads(created.body)["expires_at"] == expires_at
    late = bench.ask("POST", f"{PATH}/toxics", {**TOXIC, "name": "late", "expires_at": 1.0})
    assert (late.status, json.loads(late.body)["error"]) == (400, "bad request body: expires_at has passed")


def test_the_distance_of_a_proxy_survives_changes_to_it(bench: Bench) -> None:
    created = bench.ask("POST", "/proxies", {"name": "far", "upstream": "127.0.0.1:2", "base_delay_ms": 30})
    assert json.loads(created.body)["base_delay_ms"] == 30.0
    assert json.loads(bench.ask("PATCH", "/proxies/far", {"enabled": False}).body)["base_delay_ms"] == 30.0


def test_without_its_token_nothing_is_answered_not_even_what_there_is() -> None:
    bench = Bench(token="secret")
    for path in ("/proxies", "/metrics", "/not_found"):
        for sent in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}, {"authorization": "Bearer ä"}):
            refused = bench.ask("GET", path, **sent)
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer"), (path, sent)
    assert bench.ask("GET", "/proxies", authorization="Bearer secret").status == 200


def test_each_change_is_written_down_before_it_is_answered_and_nothing_else_is(bench: Bench) -> None:
    def kept() -> int:
        count = len(bench.kept)
        bench.kept.clear()
        return count

    assert kept() == 1, "of the proxy that all these tests have"
    for method, path, body, changes in (
        ("GET", "/proxies", None, 0),
        ("POST", f"{PATH}/toxics", TOXIC, 1),
        ("POST", f"{PATH}/toxics", TOXIC, 0),
        ("PATCH", f"{PATH}/toxics/slow%2F1", {"toxicity": 0.5}, 1),
        ("POST", "/populate", [{"name": "b", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:2"}], 1),
        ("POST", "/populate", [{"name": "c", "listen": "1.2.3.4:5", "upstream": "127.0.0.1:2"}], 1),
        ("PATCH", "/proxies/b", {"enabled": False}, 1),
        ("DELETE", "/proxies/b", None, 1),
        ("DELETE", "/proxies/b", None, 0),
    ):
        bench.ask(method, path, body)
        assert kept() == changes, (method, path)


def test_a_change_that_cannot_be_written_down_is_said_to_be_in_force() -> None:
    def full(shapes: list[dict[str, object]]) -> None:
        raise OSError(28, "No space left on device")

    bench = Bench(keep=full)
    answer = bench.ask("POST", "/proxies", {"name": "a", "upstream": "127.0.0.1:2", "enabled": False})
    assert answer.status == 500
    assert json.loads(answer.body)["error"] == (
        "the change is in force but could not be written down: No space left on device"
    )
    assert bench.ask("GET", "/proxies/a").status == 200


def test_there_are_metrics_only_if_they_were_asked_for(bench: Bench) -> None:
    assert bench.ask("GET", "/metrics").headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    none = Bench(metrics=Metrics(proxies=False, runtime=False)).ask("GET", "/metrics")
    assert (none.status, none.body) == (404, b"404 page not found\n")


def test_the_metrics_have_toxiproxys_names_and_labels_and_outlive_a_proxy(bench: Bench) -> None:
    def lines() -> list[str]:
        return bench.ask("GET", "/metrics").body.decode().splitlines()

    series = f'{{direction="upstream",listener="127.0.0.1:1",proxy="{NAME}",upstream="127.0.0.1:2"}} 0'
    assert f"toxiproxy_proxy_received_bytes_total{series}" in lines()
    assert f"toxiproxy_proxy_sent_bytes_total{series}" in lines()
    assert "# TYPE toxiproxy_proxy_sent_bytes_total counter" in lines()
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines())
    bench.ask("DELETE", PATH)
    assert f"toxiproxy_proxy_received_bytes_total{series}" in lines()
