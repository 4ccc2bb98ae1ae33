"""Discovery by DNS: what an answer means for the list of instances."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence

import pytest

from target_platform.kit.config import Endpoint
from target_platform.kit.dns import DnsNames
from target_platform.kit.source import Listing, SourceFailed

REGIONS = ("east", "west")
FIRST = Endpoint(instance="east/store-1", region="east", address="store-east-1.store-east.here:9000")
SECOND = Endpoint(instance="east/store-2", region="east", address="store-east-2.store-east.here:9000")


def read(answers: Mapping[str, Sequence[str]], configured: Mapping[str, Sequence[Endpoint]]) -> Listing:
    async def resolve(name: str) -> Sequence[str]:
        return answers.get(name, ())

    source = DnsNames("here", 8080, REGIONS, configured)
    source.resolve = resolve
    return asyncio.run(source.read())


def test_every_address_of_a_service_in_a_region_is_an_instance() -> None:
    listing = read({"catalog-east.here": ["10.0.0.1", "10.0.0.2"], "catalog-west.here": ["10.1.0.1"]}, {"catalog": ()})
    assert [(each.instance, each.region, each.address) for each in listing.services["catalog"]] == [
        ("east/catalog@10.0.0.1", "east", "10.0.0.1:8080"),
        ("east/catalog@10.0.0.2", "east", "10.0.0.2:8080"),
        ("west/catalog@10.1.0.1", "west", "10.1.0.1:8080"),
    ]


def test_an_instance_with_a_name_keeps_it_at_another_address() -> None:
    store = {"store": (FIRST, SECOND)}
    before = read({"store-east-1.store-east.here": ["10.0.0.1"], "store-east-2.store-east.here": ["10.0.0.2"]}, store)
    after = read({"store-east-1.store-east.here": ["10.0.0.9"]}, store)
    assert [(each.instance, each.address) for each in before.services["store"]] == [
        ("east/store-1", "10.0.0.1:9000"),
        ("east/store-2", "10.0.0.2:9000"),
    ]
    assert [(each.instance, each.address) for each in after.services["store"]] == [("east/store-1", "10.0.0.9:9000")]


def test_a_service_without_addresses_is_said_to_have_no_instances() -> None:
    assert read({}, {"catalog": ()}).services == {"catalog": ()}


def test_when_one_name_cannot_be_looked_up_there_is_no_answer_at_all() -> None:
    async def resolve(name: str) -> Sequence[str]:
        if name.startswith("catalog-west"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ["10.0.0.1"]

    source = DnsNames("here", 8080, REGIONS, {"catalog": (), "edge": ()})
    source.resolve = resolve
    with pytest.raises(SourceFailed, match=r"names in here: Temporary failure"):
        asyncio.run(source.read())
