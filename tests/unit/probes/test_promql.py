"""The probes that ask Prometheus have a reason for everything that a sick one does, and never an exception."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from msgspec import structs

from chaos.model.sample import NoSample, Ratio, Spread, upper_bound
from chaos.probes.promql import Promql
from chaos.probes.promql_quantile import PromqlQuantile
from chaos.probes.promql_ratio import PromqlRatio
from tests.unit.probes.served import Listing, says, serving

AnyProbe = Promql | PromqlRatio | PromqlQuantile

NOWHERE = Listing()
ALL: tuple[AnyProbe, ...] = (
    Promql(query="x", timeout_ms=60_000),
    PromqlRatio(good="x", total="y", timeout_ms=60_000),
    PromqlQuantile(buckets="x_bucket", quantile=0.9, timeout_ms=60_000),
)


def sick(probe: AnyProbe, address: str) -> str:
    return reason(structs.replace(probe, url=f"http://{address}").sample(NOWHERE))


def parts(**values: list[str]) -> str:
    """What one query gives for two selectors."""
    result = [
        {"metric": {"instance": str(number), "steadfast_part": which}, "value": [0, value]}
        for which, several in values.items()
        for number, value in enumerate(several)
    ]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def vector(*values: str) -> str:
    result = [{"metric": {"n": str(n)}, "value": [1, value]} for n, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def reason(answer: object) -> str:
    assert isinstance(answer, NoSample), answer
    return answer.reason


@contextmanager
def raw(answer: bytes, pieces_apart_seconds: float = 0.0) -> Iterator[str]:
    """A server that says this to the first who calls, byte by byte if asked to, and then hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                for byte in [answer] if not pieces_apart_seconds else [bytes([each]) for each in answer]:
                    connection.sendall(byte)
                    done.wait(pieces_apart_seconds)
            except OSError:
                pass  # the probe has stopped waiting

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("probe", ALL)
def test_one_that_is_down_is_no_sample(probe: AnyProbe) -> None:
    with serving(says(200)) as addresses:
        gone = addresses[0]
    assert "does not answer: [Errno 111] Connection refused" in sick(probe, gone)


@pytest.mark.parametrize("probe", ALL)
def test_what_is_no_prometheus_is_said_to_be_none(probe: AnyProbe) -> None:
    for text in ("<html>hello</html>", "[]", "{}", '{"status":"success"}', '{"status":"error"}', ""):
        with serving(says(404, text)) as (address,):
            assert "is no Prometheus" in sick(probe, address)


@pytest.mark.parametrize("probe", ALL)
def test_an_answer_that_is_too_late_trickles_or_breaks_off_is_no_sample(probe: AnyProbe) -> None:
    hurried = structs.replace(probe, timeout_ms=100)
    with serving(says(200, vector("1"), after_seconds=0.15)) as (address,):
        assert "timed out" in sick(hurried, address)
    with raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1000, pieces_apart_seconds=0.01) as address:
        assert "timed out" in sick(hurried, address)
    with raw(b"") as address:
        assert "does not answer" in sick(probe, address)
    with raw(b"what?\r\n\r\n") as address:
        assert "does not answer" in sick(probe, address)


@pytest.mark.parametrize("url", ["localhost:9090", "ftp://x", "http://", "http://[::1", "http://x:99999", "x"])
def test_what_is_no_address_is_found_when_the_file_is_read(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a Prometheus"):
        Promql(query="x", url=url)


def test_several_series_nothing_and_no_number_are_no_sample() -> None:
    for text, said in (
        (vector("1", "2"), "the query gives 2 series where one is needed: wrap it in sum() or max()"),
        (vector(), "the query gives no data"),
        (vector("NaN"), "the query gives no number"),
        (vector("+Inf"), "the query gives no number"),
    ):
        with serving(says(200, text)) as (address,):
            assert reason(Promql(query="x", url=f"http://{address}").sample(NOWHERE)) == said


def test_a_quantile_is_in_milliseconds() -> None:
    with serving(says(200, vector("0.25"))) as (address,):
        measured = PromqlQuantile(buckets="x_bucket", quantile=0.9, url=f"http://{address}").sample(NOWHERE)
    assert isinstance(measured, Spread)
    (bucket,) = measured.histogram.buckets
    assert upper_bound(bucket) == pytest.approx(250, rel=0.02)


def test_a_ratio_counts_from_look_to_look_each_series_on_its_own_and_restarts_from_zero() -> None:
    answers: list[str] = []
    with serving(lambda path: (200, answers.pop())) as (address,):
        probe = PromqlRatio(good="g", total="t", url=f"http://{address}")

        def look(good: list[str], total: list[str]) -> Ratio | NoSample:
            answers.append(parts(good=good, total=total))
            return probe.sample(NOWHERE)

        assert reason(look(["100"], ["1000"])) == "this look is the first"
        assert look(["108"], ["1010"]) == Ratio(8, 10)
        assert look(["5"], ["6"]) == Ratio(5, 6), "it was restarted"
        assert look(["5", "20"], ["6", "30"]) == Ratio(20, 30), "a second instance appears"
        assert look([], ["6", "34"]) == Ratio(0, 4), "nothing was good"
        assert reason(look(["5", "20"], ["6", "34"])) == "nothing was counted since the last look"
        assert reason(look(["5"], [])) == "t gives no data"


def test_a_token_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "abc")
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    Promql(query="x", url=f"http://127.0.0.1:{port}/mimir", token_from="THE_TOKEN", timeout_ms=60_000).sample(NOWHERE)
    thread.join()
    listener.close()
    assert b"Authorization: Bearer abc\r\n" in heard[0]
    assert heard[0].startswith(b"POST /mimir/api/v1/query ")
