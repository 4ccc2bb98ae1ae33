"""The monkey kills what has opted in, within its hours and caps, and says in one sentence why it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.cli.monkey import rounds
from chaos.environments.simulated import SimulatedEnvironment
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World
from chaos.journal.runs import create
from chaos.journal.write import JournalWriter
from chaos.model.environment import Arming, EnvironmentRef
from chaos.model.errors import BadInput, ExitCode, SystemDown
from chaos.model.events import Event, Injecting, NotInjected, RunStarted
from chaos.model.experiment import PluginUse
from chaos.model.fault import Lease, Undo
from chaos.model.plan import Plan
from chaos.model.system import Instance, Inventory
from chaos.monkey import Decided, Kill, decide, monkey_of
from chaos.spec import BadFile
from chaos.spec.environment import read_environment

MONDAY_NOON = 1_768_219_200.0  # 2026-01-12 12:00 UTC
FILE = """\
apiVersion: chaos/v1
kind: Environment
name: shop
type: local
armed: true
monkey:
  optIn: {monkey: welcome}
  hours: {days: [mon, tue], start: "09:00", end: "17:00"}
  maxPerDay: 2
  maxGroup: 50%
  minTimeBetween: 1h
"""

pytestmark = pytest.mark.usefixtures("steadfast_home")


class Listing(SimulatedEnvironment):
    """Lists these instances."""

    def __init__(self, *instances: Instance, armed: bool = True) -> None:
        super().__init__(EnvironmentRef(kind="simulated", name="shop"), World(VirtualClock()))
        self._instances, self._armed = instances, armed

    def arming(self) -> Arming:
        return Arming(self._armed, "the test says so")

    def inventory(self) -> Inventory:
        if not self._instances:
            raise SystemDown("nothing of 'shop' runs")
        return Inventory(instances=self._instances)


def instance(name: str, region: str = "east", up: bool = True, **labels: str) -> Instance:
    identity: dict[str, str | int] | None = {"pid": 1, "started": 1} if up else None
    return Instance(name=name, service=name.split("-")[0], region=region, labels=labels, identity=identity)


def pair(up: bool = True) -> tuple[Instance, Instance]:
    return instance("web-1", monkey="welcome"), instance("web-2", monkey="welcome", up=up)


def asked(
    *instances: Instance, text: str = FILE, seed: int = 1, now: float = MONDAY_NOON, armed: bool = True
) -> Decided:
    return decide(read_environment(text, "shop.yaml", Catalog()), Listing(*instances, armed=armed), seed, now)


def journal(at: float, kill: Kill, ended: bool = True) -> None:
    """The journal that a kill at this moment leaves."""
    ref = read_environment(FILE, "shop.yaml", Catalog())
    experiment = kill.experiment(monkey_of(ref))
    plan = Plan(experiment=experiment, environment=ref, seed=1, steps=(), seconds=1)
    undo = Undo(target=kill.victim.name, lease=Lease("run", "1", at + 9), data={})
    events: list[Event] = [
        RunStarted(at=at, run="run", version="1", plan=plan, process={"pid": 1, "started": 1}),
        Injecting(at=at, injection="1", step="s", fault=PluginUse(kind="kill"), undo=undo),
    ]
    if ended:
        events.append(NotInjected(at=at, step="s", target=kill.victim.name, message="a test", injection="1"))
    writer = JournalWriter(create(experiment.name, at).journal)
    writer.record(*events, durable=True)
    writer.close()


def test_one_of_each_group_that_has_opted_in_is_killed_and_nobody_else() -> None:
    west = instance("web-3", "west", monkey="welcome"), instance("web-4", "west", monkey="welcome")
    others = instance("db-1"), instance("db-2"), instance("web-5")
    decided = asked(*pair(), *west, *others)
    assert [kill.group for kill in decided.kills] == [("web", "east"), ("web", "west")]
    assert decided.kills[0].victim.name in ("web-1", "web-2")
    assert decided.kills[1].victim.name in ("web-3", "web-4")
    assert decided.reasons == ()


def test_the_seed_decides_who() -> None:
    assert asked(*pair(), seed=5) == asked(*pair(), seed=5)
    assert {asked(*pair(), seed=seed).kills[0].victim.name for seed in range(20)} == {"web-1", "web-2"}


def test_a_kill_is_an_ordinary_experiment_on_that_very_instance() -> None:
    (kill,) = asked(*pair()).kills
    experiment = kill.experiment(monkey_of(read_environment(FILE, "shop.yaml", Catalog())))
    (step,) = experiment.method
    assert step.selector.labels == {"name": (kill.victim.name,)}  # type: ignore[union-attr]  # it is a fault
    assert experiment.objectives[0].window == "after"


@pytest.mark.parametrize(
    ("asking", "says"),
    [
        (lambda: asked(*pair(), armed=False), "the environment is not armed"),
        (lambda: asked(*pair(), now=MONDAY_NOON + 8 * 3600), "allowed is mon, tue 09:00 to 17:00"),
        (lambda: asked(*pair(), now=MONDAY_NOON + 2 * 86400), "it is Wed"),
        (lambda: asked(), "nothing of 'shop' runs"),
        (lambda: asked(instance("web-1"), instance("web-2")), "no instance has opted in"),
        (lambda: asked(instance("web-1", monkey="go away"), instance("web-2")), "no instance has opted in"),
        (lambda: asked(*pair(up=False)), "web east: web-2 is down already"),
        (lambda: asked(pair()[0]), "one of 1 would be 100% of the group, allowed are 50%"),
    ],
)
def test_each_gate_says_in_one_sentence_why_not(asking: Callable[[], Decided], says: str) -> None:
    decided = asking()
    assert decided.kills == ()
    (reason,) = decided.reasons
    assert says in reason


def test_what_was_killed_is_counted_from_the_journals_alone() -> None:
    (kill,) = asked(*pair()).kills
    journal(MONDAY_NOON - 1800, kill)
    assert asked(*pair()).reasons == ("web east: the last kill was 1800 s ago, allowed is one in 1h",)
    journal(MONDAY_NOON - 7200, kill)
    assert asked(*pair(), now=MONDAY_NOON + 7200).reasons == ("web east: 2 killed in the last 24 hours, allowed are 2",)
    assert len(asked(*pair(), now=MONDAY_NOON + 86_400).kills) == 1, "a day later it may again"


def test_another_group_has_caps_of_its_own() -> None:
    journal(MONDAY_NOON - 60, asked(*pair()).kills[0])
    west = instance("web-3", "west", monkey="welcome"), instance("web-4", "west", monkey="welcome")
    decided = asked(*pair(), *west)
    assert [kill.group for kill in decided.kills] == [("web", "west")]


def test_while_anything_is_broken_nothing_else_is() -> None:
    journal(MONDAY_NOON - 9999, asked(*pair()).kills[0], ended=False)
    assert "or has left something broken" in asked(*pair()).reasons[0]


def test_what_cannot_be_counted_is_no_reason_to_go_on(steadfast_home: Path) -> None:
    directory = create("monkey", MONDAY_NOON)
    directory.journal.write_text("no journal\n")
    assert asked(*pair()).kills == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("maxPerDay: 2", "maxPerDy: 2", 'did you mean "maxPerDay"?'),
        ("maxPerDay: 2", "maxPerDay: 0", "at least 1"),
        ("maxGroup: 50%", "maxGroup: 50", "50 has no unit"),
        ("  optIn: {monkey: welcome}\n", "", "needs the key `optIn`"),
        ("{monkey: welcome}", "{}", "too short"),
        ('start: "09:00"', 'start: "nine"', "HH:MM"),
        ("days: [mon, tue]", "days: [mun, tue]", 'did you mean "mon"?'),
        ("monkey:\n", "monkye:\n", 'did you mean "monkey"?'),
    ],
)
def test_a_mistake_in_the_section_has_its_place(old: str, new: str, says: str) -> None:
    assert old in FILE
    with pytest.raises(BadFile, match=r"shop\.yaml:\d+:\d+: ") as caught:
        read_environment(FILE.replace(old, new, 1), "shop.yaml", Catalog())
    assert says in str(caught.value)


def test_an_environment_that_says_nothing_of_the_monkey_is_left_alone() -> None:
    with pytest.raises(BadInput, match="nothing has opted in"):
        asked(*pair(), text=FILE.partition("monkey:")[0])


class Interrupted(Exception):
    """In the place of KeyboardInterrupt, which would end the tests."""


def test_rounds_go_on_through_caps_and_closing_time_until_ctrl_c_in_a_pause() -> None:
    """Every 30 minutes from Monday 14:00 to Tuesday 09:00: two kills a day, an hour apart, until 17:00."""
    clock = VirtualClock(MONDAY_NOON + 2 * 3600)
    told: dict[float, str] = {}

    def one(number: int) -> ExitCode:
        hour = (clock.now() - MONDAY_NOON) / 3600 + 12
        decided = asked(*pair(), seed=number, now=clock.now())
        told[hour] = " ".join([*(f"kills {number}" for _ in decided.kills), *decided.reasons])
        for kill in decided.kills:
            journal(clock.now(), kill)
        return ExitCode.HELD if decided.kills else ExitCode.REFUSED

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now() > MONDAY_NOON + 21 * 3600:
            raise Interrupted

    with pytest.raises(Interrupted):
        rounds(one, 1800.0, sleep)
    assert [hour for hour, said in told.items() if said.startswith("kills")] == [14.0, 15.0]
    assert "1800 s ago" in told[14.5]
    assert "2 killed in the last 24 hours" in told[16.5]
    assert "allowed is mon, tue 09:00 to 17:00" in told[17.5]
    assert "2 killed in the last 24 hours" in told[33.0], "Tuesday at nine: the hours allow it again, the cap does not"


@pytest.mark.parametrize("end", [ExitCode.STILL_BROKEN, ExitCode.INTERRUPTED, ExitCode.TERMINATED])
def test_rounds_end_with_one_that_leaves_something_broken_or_is_interrupted(end: ExitCode) -> None:
    codes = [ExitCode.HELD, ExitCode.DEVIATED, ExitCode.INCONCLUSIVE, ExitCode.REFUSED, end]
    slept: list[float] = []
    assert rounds(codes.__getitem__, 5.0, slept.append) is end
    assert slept == [5.0] * 4
