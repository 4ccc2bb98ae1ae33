"""Toxics that come, change and go under traffic lose, double and move no byte."""

from __future__ import annotations

import socket

from tests.unit.proxy.traffic import SECONDS, Changing, Traffic


def test_five_hundred_changes_of_toxics_under_traffic_lose_no_byte() -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(SECONDS)
        link = Changing(upstream.getsockname()[1])
        traffic = Traffic(link.address, upstream, connections=1)
        try:
            link.change_toxics(500, seed=3)
            assert traffic.finish()
        finally:
            link.close()
            traffic.close()
