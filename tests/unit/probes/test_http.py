"""The http probe counts good answers, and has a number for everything a sick system does."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from chaos.model.sample import NoSample, Ratio
from chaos.probes.http import Http
from tests.unit.probes.served import Listing, instance, says, serving


def test_the_share_is_over_the_instances_that_match() -> None:
    with serving(says(200), says(503), says(200), says(200)) as at:
        listing = Listing(
            instance("web-1", at[0]),
            instance("web-2", at[1]),
            instance("web-3", at[2], "west"),
            instance("db-1", at[3]),
        )
        assert Http().sample(listing) == Ratio(3, 4)
        assert Http(service="web").sample(listing) == Ratio(2, 3)
        assert Http(service="web", region="east").sample(listing) == Ratio(1, 2)
        assert Http(instance="web-2").sample(listing) == Ratio(0, 1)
        assert Http(instance="web-2", expected_status=503).sample(listing) == Ratio(1, 1)


def test_the_path_is_the_health_path_or_the_one_given() -> None:
    with serving(
        lambda path: (200 if path == "/healthz" else 404, ""), lambda path: (200 if path == "/a?b" else 404, "")
    ) as at:
        listing = Listing(instance("web-1", at[0]), instance("web-2", at[1]))
        assert Http(instance="web-1").sample(listing) == Ratio(1, 1)
        assert Http(instance="web-2", path="/a?b").sample(listing) == Ratio(1, 1)
        assert Http(url=f"http://{at[1]}/a?b").sample(Listing()) == Ratio(1, 1)


def test_too_late_is_a_failure() -> None:
    with serving(says(200, after_seconds=0.15)) as at:
        listing = Listing(instance("web-1", at[0]))
        assert Http(timeout_ms=50).sample(listing) == Ratio(0, 1)
        assert Http(timeout_ms=60_000).sample(listing) == Ratio(1, 1)


def test_an_instance_that_does_not_run_counts_as_a_failure() -> None:
    with serving() as _, serving(says(200)) as at:
        pass
    assert Http(timeout_ms=200).sample(Listing(instance("web-1", at[0], running=False))) == Ratio(0, 1)


def test_what_is_no_address_is_a_failure_and_never_an_exception() -> None:
    for url in ("http://127.0.0.1:99999/", "http://[::1/", "nonsense", "http://127.0.0.1:1/with space"):
        assert Http(url=url, timeout_ms=100).sample(Listing()) == Ratio(0, 1)


def test_without_anybody_to_ask_there_is_no_sample_and_the_reason() -> None:
    nobody = Http(service="nobody").sample(Listing(instance("web-1", "127.0.0.1:1")))
    assert isinstance(nobody, NoSample)
    assert "nobody" in nobody.reason
    assert Http().sample(Listing()) == NoSample("nothing runs")


def test_it_says_what_it_takes_because_some_servers_insist() -> None:
    class Insisting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers.get("Accept") else 406)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Insisting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert Http(url=f"http://127.0.0.1:{server.server_port}/").sample(Listing()) == Ratio(1, 1)
        thread.join()
