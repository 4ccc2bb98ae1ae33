"""Runs as metrics: what a scrape sees of a journal, at each moment of it and after."""

from __future__ import annotations

import threading
from http.client import HTTPConnection
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from chaos.judge.verdict import judge
from chaos.model.events import Event, Injected, Judged, Reverted
from chaos.ui.exporter import KEPT_SECONDS, Runs, exporter
from chaos.ui.exposition import Exposed, text
from tests.unit.reports.synthetic import RUN, Synthetic

Scraped = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(exposition: str) -> Scraped:
    """As Prometheus' own client reads it; each series once."""
    found: Scraped = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            labels = frozenset((key, value) for key, value in sample.labels.items() if key != "run")
            assert (sample.name, labels) not in found
            found[sample.name, labels] = sample.value
    return found


def after(events: list[Event]) -> Scraped:
    exposed = Exposed()
    exposed.take(events)
    return scraped(text([exposed]))


def values(found: Scraped, name: str) -> list[float]:
    return sorted(value for (of, _), value in found.items() if of == name)


def journal() -> list[Event]:
    return list(Synthetic().journal())


def test_a_fault_is_active_from_its_injection_to_its_verified_end() -> None:
    events = journal()
    injected = next(index for index, each in enumerate(events) if isinstance(each, Injected))
    reverted = next(index for index, each in enumerate(events) if isinstance(each, Reverted))
    assert values(after(events[:injected]), "chaos_fault_active") == [0]
    assert values(after(events[: injected + 1]), "chaos_fault_active") == [1]
    assert values(after(events[:reverted]), "chaos_fault_active") == [1]
    assert values(after(events[: reverted + 1]), "chaos_fault_active") == [0]


def test_a_run_is_active_until_it_ends_and_then_has_a_verdict() -> None:
    events = journal()
    assert values(after(events[:5]), "chaos_run_active") == [1]
    assert values(after(events[:5]), "chaos_run_verdict") == []
    done = after([*events, Judged(at=events[-1].at, verdict=judge(events))])
    assert values(done, "chaos_run_active") == [0]
    assert values(done, "chaos_run_verdict") == [1]


def test_load_is_counted_and_its_histogram_never_flatters() -> None:
    exposed = Exposed()
    exposed.take(journal())
    found = scraped(text([exposed]))
    for (request, region), totals in exposed.load.items():
        labels = {"experiment": "A dead edge", "request": request, "home": region}

        def of(name: str, labels: dict[str, str] = labels, **more: str) -> float:
            return found[name, frozenset({**labels, **more}.items())]

        assert of("chaos_load_requests_total") == totals.count > 0
        assert of("chaos_load_value_count") == of("chaos_load_value_bucket", le="+Inf") == totals.answered
        assert totals.answered == totals.count - totals.failures
        assert totals.within == sorted(totals.within)


def test_objectives_have_a_value_and_a_target() -> None:
    found = after(journal())
    assert len(values(found, "chaos_objective_target")) == 3
    assert 0.98 in values(found, "chaos_objective_target")
    assert values(found, "chaos_objective_value")


def test_it_serves_the_runs_of_a_home_and_forgets_them(tmp_path: Path) -> None:
    file = tmp_path / "runs" / RUN / "journal.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in journal()))
    damaged = tmp_path / "runs" / "damaged" / "journal.jsonl"
    damaged.parent.mkdir()
    damaged.write_text('{"event": "unheard of"}\n{}\n')
    written = file.stat().st_mtime
    now = written
    with exporter("127.0.0.1", 0, Runs(tmp_path, lambda: now)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            first, other = ask(server.server_address[1], "/metrics"), ask(server.server_address[1], "/")
            now = written + KEPT_SECONDS + 60
            later = ask(server.server_address[1], "/metrics")
        finally:
            server.shutdown()
            thread.join()
    assert f'chaos_run_active{{run="{RUN}",experiment="A dead edge"}}' in first
    assert other == "the metrics are at /metrics\n"
    assert later == "\n"


def ask(port: int, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer
