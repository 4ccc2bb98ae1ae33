"""What a toxic may be asked for beside its attributes, and how it is refused."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from chaos.proxy.body import ApiError
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxic_request import make_toxic, read_update, toxic_shape, toxic_shapes


def asked(**fields: Any) -> dict[str, Any]:
    return {"type": "latency", "attributes": {"latency": 5}, **fields}


def refused(fields: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        make_toxic(asked(**fields), ())
    assert caught.value.status == 400
    return caught.value.text.removeprefix("bad request body: ")


def shown(toxic: Any) -> Any:
    return json.loads(msgspec.json.encode(toxic_shape(toxic)))


def test_what_was_asked_for_is_shown_and_can_be_read_again() -> None:
    fields = {"stream": "both", "clients": ["10.0.0.0/8"], "sni": ["*.a.example"], "toxicity": 0.5}
    before = time.time()
    toxic = make_toxic(asked(**fields, schedule={"on": 5, "off": 7}, ttl=5000), ())
    assert toxic.name == "latency_both"
    assert toxic.schedule == Schedule(on=5, off=7)
    assert toxic.expires_at is not None
    assert before + 5 <= toxic.expires_at <= time.time() + 5
    assert make_toxic(shown(toxic), ()) == toxic


def test_what_was_not_asked_for_is_not_shown() -> None:
    assert shown(make_toxic(asked(), ())) == {
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1.0,
        "attributes": {"latency": 5, "jitter": 0},
    }


def test_those_on_the_upstream_are_listed_first() -> None:
    made = [make_toxic(asked(stream=each), ()) for each in ("both", "downstream", "UPSTREAM", "downstream")]
    assert [shape["stream"] for shape in toxic_shapes(made)] == ["upstream", "downstream", "downstream", "both"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"toxicity": 9}, "toxicity 9 is no share of the connections: it goes from 0 (none) to 1 (all)"),
        ({"toxicity": -0.1}, "toxicity -0.1 is no share of the connections: it goes from 0 (none) to 1 (all)"),
        ({"ttl": 0}, "ttl is how many milliseconds the toxic lives, more than 0"),
        ({"ttl": 5, "expires_at": 5e9}, "ttl and expires_at say the same thing: give one of them"),
        ({"expires_at": 1}, "expires_at has passed"),
        ({"clients": ["10.0.0.1/8"]}, "clients: 10.0.0.1/8 has host bits set; write networks as 10.0.0.0/8 or ::1"),
        ({"sni": ["a.*.example"]}, "sni: 'a.*.example' is neither a server's name nor *. and a domain"),
        ({"schedule": {"on": 5}}, "a pulse needs both `on` and `off`, in milliseconds - at `$.schedule`"),
        ({"type": "noop", "schedule": {"ramp": 5}}, "noop has nothing that a ramp could let grow"),
        ({"type": "http_status", "stream": "downstream"}, "the stream of http_status can only be upstream"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert refused(fields) == said


def test_an_unknown_part_of_a_schedule_is_refused() -> None:
    assert "duraton" in refused({"schedule": {"duraton": 5}})


def test_an_update_merges_attributes_and_leaves_the_rest() -> None:
    toxic = make_toxic(asked(clients=["::1"], expires_at=5e9), ())
    after = read_update(b'{"attributes": {"Jitter": 3}, "stream": "upstream", "name": "x"}', toxic)
    assert shown(after) == {**shown(toxic), "attributes": {"latency": 5, "jitter": 3}}
    assert read_update(b'{"toxicity": 0.25}', toxic).toxicity == 0.25
    assert read_update(b'{"expires_at": null}', toxic).expires_at is None
    before = time.time()
    later = read_update(b'{"ttl": 60000}', toxic).expires_at
    assert later is not None
    assert before + 60 <= later <= time.time() + 60


@pytest.mark.parametrize("body", [b'{"toxicity": 2}', b'{"attributes": {"latency": "x"}}', b'{"ttl": -1}', b"["])
def test_an_update_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError):
        read_update(body, make_toxic(asked(), ()))
