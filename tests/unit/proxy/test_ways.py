"""Proxies that carry otherwise: UDP, and TLS by the name of the server, as they are asked for and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.proxy.client_hello import Unread
from chaos.proxy.files import keep_state, load_state
from chaos.proxy.greeting import routed
from tests.unit.proxy.test_api import Bench

UDP = {"name": "dns", "upstream": "127.0.0.1:53", "protocol": "udp", "idle_timeout": 5000, "enabled": False}
TLS = {"name": "tls", "upstream": "127.0.0.1:1", "routes": {"*.a.example": "127.0.0.1:2"}, "enabled": False}


@pytest.mark.parametrize("asked", [UDP, TLS])
def test_how_a_proxy_carries_is_shown_kept_and_stays_over_changes(asked: dict[str, Any], tmp_path: Path) -> None:
    bench = Bench()
    bench.ask("POST", "/proxies", asked)
    bench.ask("PATCH", f"/proxies/{asked['name']}", {"upstream": "127.0.0.1:9"})
    shown = json.loads(bench.ask("GET", f"/proxies/{asked['name']}").body)
    assert shown == {"listen": "127.0.0.1:0", "toxics": [], **asked, "upstream": "127.0.0.1:9"}
    keep_state(tmp_path / "state", [shown])
    kept = load_state(tmp_path / "state")
    assert kept is not None
    assert (kept[0].protocol, kept[0].routes) == (asked.get("protocol", "tcp"), asked.get("routes", {}))


def test_what_toxiproxy_knows_is_shown_as_it_shows_it() -> None:
    bench = Bench()
    shown = json.loads(bench.ask("POST", "/proxies", {"name": "a", "upstream": "h:1", "enabled": False}).body)
    assert set(shown) == {"name", "listen", "upstream", "enabled", "toxics"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocol": "sctp"}, "bad request body: protocol can be tcp or udp, not 'sctp'"),
        ({"protocol": "udp"}, "bad request body: routes are for tcp: the name of a TLS server chooses one"),
        ({"idle_timeout": 0}, "bad request body: idle_timeout is milliseconds, more than 0"),
        ({"routes": {"a.*": "h:1"}}, "bad request body: routes: 'a.*' is neither a server's name nor *. and a domain"),
        (
            {"routes": {"a": "h"}},
            "bad request body: upstream: address h: missing port in address of route a",
        ),
    ],
)
def test_a_way_that_cannot_be_is_refused_in_a_sentence(change: dict[str, Any], said: str) -> None:
    response = Bench().ask("POST", "/proxies", {**TLS, **change})
    assert (response.status, json.loads(response.body)["error"]) == (400, said)


def test_a_toxic_for_the_other_protocol_is_refused_where_the_proxy_is_known() -> None:
    bench = Bench()
    bench.ask("POST", "/proxies", UDP)
    assert bench.ask("POST", "/proxies/dns/toxics", {"type": "udp_loss"}).status == 200
    assert bench.ask("POST", "/proxies/dns/toxics", {"type": "timeout"}).status == 400
    assert bench.ask("POST", "/proxies", {**UDP, "name": "b", "toxics": [{"type": "udp_loss"}]}).status == 201
    assert bench.ask("POST", "/proxies", {**UDP, "name": "c", "toxics": [{"type": "timeout"}]}).status == 400


def test_a_populate_that_changes_the_way_makes_the_proxy_anew() -> None:
    bench = Bench()
    bench.ask("POST", "/proxies", TLS)
    before = bench.proxies["tls"]
    bench.ask("POST", "/populate", [TLS])
    assert bench.proxies["tls"] is before
    bench.ask("POST", "/populate", [{**TLS, "routes": {}}])
    assert bench.proxies["tls"].config.routes == {}


def test_the_exact_name_goes_before_a_pattern() -> None:
    routes = {"*.example": "pattern", "A.example": "exact"}
    assert [routed(name, routes, "else") for name in ("a.example", "b.example", "c.b.example", Unread.NONE)] == [
        "exact",
        "pattern",
        "else",
        "else",
    ]
