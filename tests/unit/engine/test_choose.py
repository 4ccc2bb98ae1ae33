"""Who is hit: the amount that was asked for, of those that match, the same for the same seed."""

from __future__ import annotations

import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import choose, make_plan, matching
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import streaming_world
from chaos.faults.kill import Kill
from chaos.model.errors import Refused
from chaos.model.experiment import Amount, Selector
from chaos.model.fault import Active, Lease
from chaos.model.plan import planned_faults
from chaos.model.reserve import Duty
from chaos.model.system import Instance, Inventory, Link
from tests.simulation.stage import experiment, fault

CATALOGS = [
    Instance(name=f"{region}/catalog-{number}", service="catalog", region=region)
    for region, count in (("east", 3), ("west", 2))
    for number in range(1, count + 1)
]


LINKS = [
    Link(
        name=f"{source}/gateway>{catalog.name}",
        source="gateway",
        source_region=source,
        destination="catalog",
        destination_region=catalog.region,
        destination_instance=catalog.name,
    )
    for source in ("east", "west")
    for catalog in CATALOGS
]


def chosen(amount: Amount, each: str = "", seed: str = "7/step") -> list[str]:
    selector = Selector(kind="instance", labels={"service": ("catalog",)}, amount=amount, each=each)
    return [target.name for target in choose(CATALOGS, selector, seed)]


def regions(names: list[str]) -> list[str]:
    return [name.partition("/")[0] for name in names]


@pytest.mark.parametrize(
    ("amount", "all_in_all", "each_region"),
    [
        (Amount("one"), 1, ["east", "west"]),
        (Amount("count", count=2), 2, ["east", "east", "west", "west"]),
        (Amount("share", share=0.5), 3, ["east", "east", "west"]),
        (Amount("all"), 5, ["east", "east", "east", "west", "west"]),
    ],
)
def test_an_amount_is_of_all_or_of_each_value_of_a_label(
    amount: Amount, all_in_all: int, each_region: list[str]
) -> None:
    assert len(chosen(amount)) == all_in_all
    assert regions(chosen(amount, each="region")) == each_region


def test_the_seed_decides_and_regions_are_drawn_by_themselves() -> None:
    seeds = [f"{number}/step" for number in range(40)]
    drawn = [tuple(chosen(Amount("one"), "region", seed)) for seed in seeds]
    assert drawn == [tuple(chosen(Amount("one"), "region", seed)) for seed in seeds]
    assert len(set(drawn)) == 6, "any of three with any of two"


def test_a_region_with_too_few_refuses_the_run() -> None:
    with pytest.raises(Refused, match="3 targets are asked for and only 2 match"):
        chosen(Amount("count", count=3), each="region")


def test_what_belongs_together_is_chosen_together_and_counts_once() -> None:
    selector = Selector(kind="link", labels={"to": ("catalog",)}, each="to_region", together="to_instance")
    names = [target.name for target in choose(LINKS, selector, "7/step")]
    called = {name.partition(">")[2] for name in names}
    assert regions(sorted(called)) == ["east", "west"], "one instance of each region"
    assert names == sorted(f"{source}/gateway>{each}" for source in ("east", "west") for each in called)


@pytest.mark.parametrize("key", ["each", "together"])
def test_a_label_that_no_target_has_is_refused_with_those_there_are(key: str) -> None:
    labels = {"each": "", "together": "", key: "rack"}
    selector = Selector(
        kind="instance", labels={"service": ("catalog",)}, each=labels["each"], together=labels["together"]
    )
    with pytest.raises(Refused, match="none of those that match has a label 'rack'") as raised:
        choose(CATALOGS, selector, "7/step")
    assert raised.value.hint == "they have name, region, service"


def test_a_label_environment_of_the_systems_own_counts_where_there_are_no_parts() -> None:
    staging, production = (
        Instance(name=f"pay-{number}", service="pay", region="east", labels={"environment": where})
        for number, where in enumerate(("staging", "production"))
    )
    there = Inventory(instances=(staging, production))
    selector = Selector(kind="instance", labels={"environment": ("staging",)}, amount=Amount("all"))
    assert matching(selector, there) == (staging,)
    assert matching(selector, there, "staging") == (staging, production), "a part's name hides it"
    assert matching(selector, there, "other") == ()


class WithReserve(SimulatedEnvironment):
    """One edge rests."""

    def call_up(self, instance: str) -> None: ...

    def send_back(self, instance: str) -> None: ...

    def duty(self, instance: str) -> Duty | None:
        return "rests" if instance == "us-east-1/edge-1" else None


def test_what_rests_in_reserve_is_hit_by_nobody_who_does_not_ask_for_it() -> None:
    world = streaming_world(VirtualClock())
    place = WithReserve(register("reserve", world), world)
    plan = make_plan(experiment(fault("kill", "instance", {"service": "edge"})), place, Catalog(), 1)
    [kill] = planned_faults(plan.steps)
    edges = {each.name for each in place.inventory().instances if each.service == "edge"}
    assert set(kill.targets) == edges - {"us-east-1/edge-1"}
    assert "us-east-1/edge-1" in edges


def test_a_kill_of_an_instance_that_was_sent_back_to_rest_is_over() -> None:
    world = streaming_world(VirtualClock())
    place = WithReserve(register("sent-back", world), world)
    [edge] = [each for each in place.inventory().instances if each.name == "us-east-1/edge-1"]
    kill = Kill()
    undo = kill.prepare(place, edge, Lease(run="run", injection="1", expires_at=world.clock.now() + 60))
    kill.inject(place, undo)
    assert kill.active(place, undo).active is Active.YES
    world.processes[edge.name].holds = {"reserve": world.clock.now() + 3600}
    assert kill.active(place, undo).active is Active.NO
