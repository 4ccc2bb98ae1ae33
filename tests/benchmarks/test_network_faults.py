"""How exact faults on links between pods are, seen from the caller's pod. `make bench PYTEST_ARGS="-s -k network"`."""

from __future__ import annotations

import os
import statistics
import time
import uuid
from collections.abc import Iterator

import pytest

from chaos.model.links import Direction, Loss
from tests.cluster.network_stage import NetworkStage
from tests.cluster.stage import the_kubeconfig

LOOKS = 200
FIRST_PACKETS = 2000
PIECE = 250
"""So many connections a look: the server has places for 2048 that it has not taken yet."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkStage]:
    made = NetworkStage(the_kubeconfig(), f"chaos-f-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("network"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def test_a_delay_of_100_ms(stage: NetworkStage) -> None:
    environment, link = stage.environment(), stage.link.name
    before = [environment.round_trip_ms(link) or -1.0 for _ in range(20)]
    environment.delay_link(link, "bench", 100, 0, time.time() + 300)
    try:
        seen = sorted(environment.round_trip_ms(link) or -1.0 for _ in range(LOOKS))
    finally:
        environment.clear_link(link, "bench")
    within = sum(100 <= each <= 105 for each in seen)
    print(f"\nbefore: median {statistics.median(before):.2f} ms; asked 100 ms, {LOOKS} round trips: ", end="")
    print(f"{seen[0]:.2f} to {seen[-1]:.2f} ms, median {statistics.median(seen):.2f}, ", end="")
    print(f"p99 {seen[int(0.99 * LOOKS)]:.2f}; {within} within 100 to 105 ms (load {os.getloadavg()[0]:.1f})")


@pytest.mark.parametrize("direction", ["to", "from"])
def test_a_loss_of_20_percent(stage: NetworkStage, direction: Direction) -> None:
    environment, link = stage.environment(), stage.link.name
    calm = environment.first_packets(link, PIECE, 800)
    environment.lose_packets([link], "bench", Loss(share=0.2, direction=direction), time.time() + 300)
    try:
        answered = [each for _ in range(FIRST_PACKETS // PIECE) for each in environment.first_packets(link, PIECE, 800)]
    finally:
        environment.stop_losing_packets([link], "bench")
    lost = answered.count(False)
    print(f"\nbefore: {calm.count(False)} of {PIECE} lost; asked 20% {direction} the server: ", end="")
    print(f"{lost} of {len(answered)} first packets unanswered, {lost / len(answered):.1%}")


def test_a_change_on_a_pod_that_has_no_agent_yet_and_on_one_that_has(stage: NetworkStage) -> None:
    environment, link = stage.environment(), stage.link.name
    began = time.perf_counter()
    assert environment.round_trip_ms(link) is not None
    first = time.perf_counter() - began
    took = []
    for _ in range(10):
        began = time.perf_counter()
        environment.delay_link(link, "bench", 10, 0, time.time() + 60)
        took.append(time.perf_counter() - began)
        environment.clear_link(link, "bench")
    print(f"\nfirst look, which may start agents: {first:.2f} s; a change: median {statistics.median(took):.2f} s")
