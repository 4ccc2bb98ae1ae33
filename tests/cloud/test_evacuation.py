"""The shipped evacuation of a region, on an emulated account and processes of this machine together, in one run.

The processes stand in for the platform, and nobody makes load: tests/experiments has both.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Event, Injected, Injecting, Reverted, StepBegan
from chaos.shipped import find
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, ProxySpec
from tests.cloud.emulated import ACCOUNT, REGIONS, Emulated
from tests.cloud.test_runs import Desk
from tests.local.launcher_trial import SERVER
from tests.local.small_system import SmallSystem
from tests.ports import free, own

REGION, OTHER = "eu-west-1", "us-east-1"
ORDER = [
    "the other region gets more machines",
    "what rests there is called up",
    "some users are sent there",
    "all users are sent there",
]
CUT = {"its subnets are cut off", "its instances are dead"}


def spec(base_port: int) -> LaunchSpec:
    """In each region one that serves and one at rest."""
    ports = free(base_port)
    instances = [
        InstanceSpec(
            name=f"{region}/web-{number}",
            service="web",
            region=region,
            port=next(ports),
            command=(sys.executable, "-S", "-c", SERVER, "{port}"),
            ready_path="",
            reserve=number == 2,
        )
        for region in REGIONS
        for number in (1, 2)
    ]
    proxies = tuple(ProxySpec(region=region, api_port=next(ports)) for region in REGIONS)
    return LaunchSpec(name="small", regions=REGIONS, instances=tuple(instances), proxies=proxies)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SmallSystem]:
    system = SmallSystem(tmp_path / "home", own(25500, 40), spec)
    system.start()
    try:
        yield system
    finally:
        system.stop()


def both_parts(aws: Emulated, folder: Path, may_bill: bool = True) -> str:
    """An environment file of the platform and the account, whose load follows the account's weights."""
    records = f"{aws.endpoint}/2013-04-01/hostedzone/{aws.zone_id}/rrset?name=www.shop.example"
    settings = {
        "account": ACCOUNT,
        "regions": list(REGIONS),
        "selector": {"system": "shop"},
        "endpoint": aws.endpoint,
        "hostedZones": [aws.zone_id],
        "settlesWithin": "60s",
        "consistentWithin": "0s",
        "patience": "60s",
        "mayBill": may_bill,
        "load": {"CHAOS_ROUTE53": records},
    }
    parts = [{"name": "platform", "type": "local"}, {"name": "account", "type": "aws", "settings": settings}]
    whole = {"apiVersion": "chaos/v1", "kind": "Environment", "name": "both", "armed": True, "parts": parts}
    (folder / "both.yaml").write_text(yaml.safe_dump(whole))
    return str(folder / "both.yaml")


def experiment(folder: Path) -> str:
    """The shipped one, asking for what these processes can tell."""
    shipped = yaml.safe_load(find("region-evacuation").read_text())
    alive = {"process_alive": {"service": "web", "every": "500ms"}}
    served = {"name": "a web runs", "probe": alive, "target": ">= 10%", "minSamples": 1}
    shorter = {"step": "500ms", "drain": "500ms", "hold": "1s", "grows": "web"}
    changed = {"steadyState": [served], "guardrails": [], "recovery": "0s"}
    given = {**shipped, **changed, "variables": {**shipped["variables"], **shorter}}
    del given["load"]
    (folder / "evacuation.yaml").write_text(yaml.safe_dump(given))
    return str(folder / "evacuation.yaml")


def test_a_region_is_evacuated_in_order_and_everything_comes_back_the_same_way(
    desk: Desk, system: SmallSystem, tmp_path: Path
) -> None:
    code, said = desk.chaos("run", experiment(tmp_path), "-e", both_parts(desk.aws, tmp_path))
    assert code == 0, said
    events = read(all_runs(desk.home)[-1].journal)
    begun = [event for event in events if isinstance(event, Injecting)]
    assert [each.step for each in begun[:4]] == ORDER
    assert {each.step for each in begun[4:]} == CUT
    assert {each.environment for each in begun if each.step in CUT} == {"account", "platform"}
    for outer, inner in itertools.pairwise(begun[:5]):
        assert at(events, Injected, outer) <= inner.at, f"{inner.step} began before {outer.step} was seen"
        assert at(events, Reverted, outer) >= at(events, Reverted, inner), f"{outer.step} ended before {inner.step}"
    assert system.broken() == [f"{region}/web-2 is down" for region in REGIONS], "and these are at rest again"
    environment_now = desk.aws.environment()
    assert environment_now.residues() == ()
    assert [each.weight for each in environment_now.weights(REGION)] == [100]
    found = environment_now.group(f"{OTHER}/workers")
    assert found is not None
    assert (found.smallest, found.wanted, found.largest) == (2, 3, 5)


def test_without_room_nobody_is_sent_and_nothing_is_cut(desk: Desk, system: SmallSystem, tmp_path: Path) -> None:
    both = both_parts(desk.aws, tmp_path)
    code, said = desk.chaos("run", experiment(tmp_path), "-e", both, "--var", "machines=3")
    assert code == 3, said
    assert "so 3 would not be more" in said
    begun = [event.step for event in read(all_runs(desk.home)[-1].journal) if isinstance(event, StepBegan)]
    assert begun == ORDER[:1]
    assert [each.weight for each in desk.aws.environment().weights(REGION)] == [100]


def test_commands_about_an_account_mean_that_part(desk: Desk, system: SmallSystem, tmp_path: Path) -> None:
    file, both = experiment(tmp_path), both_parts(desk.aws, tmp_path, may_bill=False)
    code, said = desk.chaos("plan", file, "-e", both)
    assert code == 4, said
    assert "more machines are billed" in said
    code, said = desk.chaos("plan", file, "-e", both, "--may-bill")
    assert code == 0, said
    assert re.search(r"region_outage\(\) in account\n +hits 1 of 1 that match, of 2 regions", said)
    assert said.count("meanwhile, once it is seen in effect:") == len(ORDER)
    code, said = desk.chaos("environments", "iam", file, "-e", both)
    assert code == 0, said
    assert '"autoscaling:UpdateAutoScalingGroup"' in said
    code, said = desk.chaos("rollback", "--scan", "-e", both)
    assert (code, said) == (0, "0 found that should be gone, 0 that may stay until they expire\n")
    desk.aws.is_as_filled = True


def at(events: tuple[Event, ...], kind: type[Injected] | type[Reverted], of: Injecting) -> float:
    return next(each.at for each in events if isinstance(each, kind) and each.injection == of.injection)
