"""Who is asked when discovery says who exists: an answer that is old, empty or missing must cost nobody anything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed, PolicyError
from target_platform.kit.list_file import ListFile
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import DiscoveryPolicy
from target_platform.kit.registry import Registry
from target_platform.kit.service import Instance as ServiceInstance
from target_platform.kit.service import Service
from target_platform.kit.source import Listing, SourceFailed
from target_platform.kit.sources import source_of
from tests.unit.kit.stage import Stage, config_for, stage
from tests.unit.kit.test_call import GET, on_stage


class Told:
    """A source that answers what it is told to: names of instances, or that it cannot."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self.endpoints = dict(endpoints)
        self.answer: list[str] | None = list(endpoints)
        self.as_of: float | None = None

    async def read(self) -> Listing | None:
        if self.answer is None:
            raise SourceFailed("nobody answers")
        return Listing(services={"callee": tuple(self.endpoints[name] for name in self.answer)}, as_of=self.as_of)


def endpoint(name: str, address: str = "") -> Endpoint:
    return Endpoint(instance=name, region=name.partition("-")[0], address=address)


class Discovered:
    """A registry that knew `configured` at its start, and the source it hears the rest from; `now` is its time."""

    def __init__(self, *configured: str, **policy: Any) -> None:
        self.metrics = Metrics()
        self.now = 1000.0
        self.source = Told({name: endpoint(name) for name in ("here-1", "here-2", "here-3")})
        self.registry = Registry(
            {"callee": [endpoint(name) for name in configured]},
            DiscoveryPolicy(**policy),
            self.metrics,
            self.source,
            lambda: self.now,
        )

    def hears(self, *names: str, at: float | None = None) -> tuple[list[str], list[str]]:
        """Who is listed, and who else is known, once discovery has said this."""
        self.now = at or self.now
        self.source.answer = list(names)
        return self.refreshed()

    def refreshed(self) -> tuple[list[str], list[str]]:
        asyncio.run(self.registry.refresh())
        known = self.registry.known("callee")
        return [each.instance for each in known.listed], [each.instance for each in known.others]

    def metric(self, line: str) -> float:
        [found] = [text for text in self.metrics.text().decode().splitlines() if text.startswith(line + " ")]
        return float(found.rpartition(" ")[2])


def test_without_a_source_the_configuration_is_all_there_is() -> None:
    metrics = Metrics()
    registry = Registry({"callee": [endpoint("here-1")]}, DiscoveryPolicy(), metrics)
    asyncio.run(registry.refresh())
    assert registry.known("callee").listed == (endpoint("here-1"),)
    assert registry.known("somebody else").all == ()
    assert b"discovery" not in metrics.text()


def test_the_list_says_who_exists_and_who_is_not_on_it_stays_known() -> None:
    heard = Discovered("here-1", "here-2")
    assert heard.hears("here-2") == (["here-2"], ["here-1"])
    assert heard.hears("here-1", "here-2") == (["here-1", "here-2"], [])
    assert heard.metric('discovery_listed{target="callee"}') == 2


def test_somebody_never_heard_of_may_appear() -> None:
    heard = Discovered("here-1")
    assert heard.hears("here-1", "here-3") == (["here-1", "here-3"], [])
    assert Discovered().hears("here-3") == (["here-3"], [])


def test_an_empty_answer_is_refused_and_the_last_good_list_stays() -> None:
    heard = Discovered("here-1", "here-2")
    heard.hears("here-2")
    assert heard.hears() == (["here-2"], ["here-1"])
    assert heard.metric('discovery_refused_empty_total{target="callee"}') == 1


def test_who_believes_believes_an_empty_answer_and_knows_nobody_else() -> None:
    heard = Discovered("here-1", "here-2", believed=True)
    assert heard.hears("here-2") == (["here-2"], [])
    assert heard.hears() == ([], [])


@pytest.mark.parametrize("believed", [False, True])
def test_no_answer_is_no_empty_answer(believed: bool) -> None:
    heard = Discovered("here-1", believed=believed)
    heard.source.answer = None
    assert heard.refreshed() == (["here-1"], [])
    assert heard.metric("discovery_failures_total") == 1


def test_who_has_not_been_listed_for_long_is_forgotten_but_never_the_configured() -> None:
    heard = Discovered("here-1", forget_seconds=60)
    heard.hears("here-1", "here-2", "here-3", at=1000)
    assert heard.hears("here-3", at=1060) == (["here-3"], ["here-1", "here-2"])
    assert heard.hears("here-3", at=1061) == (["here-3"], ["here-1"])


def test_a_new_address_takes_the_place_of_the_old_one() -> None:
    heard = Discovered("here-1")
    heard.source.endpoints["here-1"] = endpoint("here-1", "elsewhere:1")
    heard.hears("here-1")
    heard.hears("here-2")
    assert heard.registry.known("callee").others == (endpoint("here-1", "elsewhere:1"),)


def test_the_age_of_the_list_is_what_the_source_says_of_it() -> None:
    heard = Discovered("here-1")
    assert heard.metric("discovery_age_seconds") != heard.metric("discovery_age_seconds"), "not a number yet"
    heard.source.as_of = 995.0
    heard.refreshed()
    heard.now = 1002.0
    assert heard.metric("discovery_age_seconds") == 7


def test_watchers_hear_of_changes_only() -> None:
    heard, seen = Discovered("here-1", "here-2"), list[int]()
    heard.registry.watch("callee", lambda known: seen.append(len(known.listed)))
    heard.hears("here-1", "here-2")
    heard.hears("here-1")
    heard.hears("here-1")
    heard.hears()
    assert seen == [2, 1]


# What this means for calls.


async def list_only(made: Stage, *names: str) -> None:
    """Have discovery name these of the stage's instances."""
    await made.hear({"callee": tuple(each.endpoint for each in made.instances if each.name in names)})


def test_who_is_not_listed_is_not_asked_while_somebody_who_is_answers() -> None:
    async def play(made: Stage) -> None:
        await list_only(made, "here-2")
        assert {(await made.calls.call("callee", GET)).body for _ in range(4)} == {b"here-2"}
        await list_only(made, "here-1", "here-2")
        assert {(await made.calls.call("callee", GET)).body for _ in range(4)} == {b"here-1", b"here-2"}

    on_stage(play, {"here-1": "ok", "here-2": "ok"})


def test_when_all_that_are_listed_fail_the_others_are_tried() -> None:
    async def play(made: Stage) -> None:
        await list_only(made, "here-2")
        assert {(await made.calls.call("callee", GET)).body for _ in range(20)} == {b"here-1"}
        assert made.instances[1].calls == 2, "then its breaker opened"

    on_stage(play, {"here-1": "ok", "here-2": "503"}, breaker={"failures": 2})


def test_when_the_list_is_believed_nobody_else_is_asked() -> None:
    async def play(made: Stage) -> None:
        await list_only(made, "here-2")
        for _ in range(4):
            with pytest.raises(CallFailed):
                await made.calls.call("callee", GET)
        await made.hear({"callee": ()})
        with pytest.raises(CallFailed, match="no instance is known") as caught:
            await made.calls.call("callee", GET)
        assert caught.value.kind == "unlisted"
        assert made.instances[0].calls == 0

    on_stage(play, {"here-1": "ok", "here-2": "503"}, believed=True)


def test_a_newcomer_has_a_breaker_of_its_own_and_takes_it_along() -> None:
    async def play(made: Stage) -> None:
        line = 'breaker_instance_state{caller="caller",instance="there-9",region="there",target="callee"}'
        assert line not in made.metrics.text().decode()
        await made.hear({"callee": (endpoint("there-9", "127.0.0.1:1"),)})
        with pytest.raises(CallFailed):
            await made.calls.call("callee", Ask(path="/x", only="there-9"))
        assert made.metric(line) == 2
        await made.hear({"callee": (made.instances[0].endpoint,)})
        assert line not in made.metrics.text().decode()
        assert 'region="there"' not in "".join(
            each for each in made.metrics.text().decode().splitlines() if each.startswith("breaker_state")
        )
        assert (await made.calls.call("callee", GET)).body == b"here-1"

    on_stage(play, {"here-1": "ok"}, breaker={"failures": 1}, attempts=1, believed=True)


# The list in a file.

BOOK = {"a": (endpoint("here-1"), endpoint("there-1")), "b": (endpoint("here-2"),)}


def write(path: Path, *names: str, as_of: float = 1.0) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode({"as_of": as_of, "instances": names}))
    part.replace(path)


def test_a_file_lists_names_and_the_address_book_says_where_they_are(tmp_path: Path) -> None:
    write(tmp_path / "list", "here-1", "here-2", "unheard-of-1")
    listing = asyncio.run(ListFile(tmp_path / "list", BOOK).read())
    assert listing == Listing(services={"a": (endpoint("here-1"),), "b": (endpoint("here-2"),)}, as_of=1.0)


def test_a_file_is_read_again_only_when_it_was_replaced(tmp_path: Path) -> None:
    async def play() -> None:
        source = ListFile(tmp_path / "list", BOOK)
        write(tmp_path / "list", "here-1")
        assert await source.read() is not None
        assert await source.read() is None
        write(tmp_path / "list", as_of=2.0)
        assert await source.read() == Listing(services={"a": (), "b": ()}, as_of=2.0)

    asyncio.run(play())


@pytest.mark.parametrize("content", [None, b"", b'{"as_of": 1', b"[]"])
def test_a_file_that_is_missing_or_torn_is_no_answer(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(SourceFailed, match=os.fspath(tmp_path / "list")):
        asyncio.run(ListFile(tmp_path / "list", BOOK).read())


def test_a_configuration_names_its_source(tmp_path: Path) -> None:
    config = config_for(tmp_path, "caller")
    assert source_of(config) is None
    assert isinstance(source_of(msgspec.structs.replace(config, discovery="file:/list")), ListFile)
    with pytest.raises(PolicyError, match="smoke:signals"):
        source_of(msgspec.structs.replace(config, discovery="smoke:signals"))


def test_an_instance_follows_its_list_while_it_runs(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage({"here-1": "ok", "here-2": "ok"}) as made:
            book = {"callee": tuple(each.endpoint for each in made.instances)}
            write(tmp_path / "list", "here-2")
            policies = msgspec.structs.replace(made.policies, discovery=DiscoveryPolicy(every_seconds=0.01))
            config = msgspec.structs.replace(
                config_for(tmp_path, "caller", book), discovery=f"file:{tmp_path / 'list'}"
            )
            service = Service(name="caller", calls=("callee",), criticality="critical", routes=lambda instance: [])
            instance, heard = ServiceInstance(service, config, policies), asyncio.Event()
            instance.registry.watch("callee", lambda known: heard.set() if len(known.listed) == 1 else None)
            try:
                async with asyncio.timeout(30):
                    await heard.wait()
                assert {(await instance.call("callee", "/x")).body for _ in range(4)} == {b"here-2"}
            finally:
                await instance.close()

    asyncio.run(play())
