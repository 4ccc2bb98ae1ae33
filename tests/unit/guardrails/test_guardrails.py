"""Guardrails say go or stop; what they cannot evaluate says stop."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct

from chaos.guardrails.armed import Armed
from chaos.guardrails.blast_radius import BlastRadius
from chaos.guardrails.hours import Hours
from chaos.guardrails.objective_floor import ObjectiveFloor
from chaos.guardrails.stop_file import StopFile
from chaos.model.environment import Arming, EnvironmentRef, LeaseHolder
from chaos.model.errors import ActionFailed
from chaos.model.experiment import Experiment, Objective, Operator, PluginUse, Threshold
from chaos.model.guardrail import Go, Guardrail, Stop
from chaos.model.plan import Plan, PlannedFault, PlannedParallel, PlannedStep
from chaos.model.sample import Histogram, Measurement, Ratio, Spread
from chaos.model.system import Instance, Inventory, Link, Region, TargetKind

REF = EnvironmentRef(kind="fake", name="small")


class SmallEnvironment:
    """Two regions; four edges, two catalogs and one link."""

    ref = REF
    lock_key = "small"

    def __init__(self, armed: bool = True, reachable: bool = True) -> None:
        self._armed, self._reachable = armed, reachable

    def arming(self) -> Arming:
        self._reach()
        return Arming(self._armed, "its file says so")

    def inventory(self) -> Inventory:
        self._reach()
        counts = {"edge": 2, "catalog": 1}
        places = [(service, region, n) for service, most in counts.items() for region in "ab" for n in range(most)]
        return Inventory(
            instances=tuple(
                Instance(name=f"{service}-{region}{n}", service=service, region=region) for service, region, n in places
            ),
            links=(
                Link(
                    name="a->b",
                    source="edge",
                    source_region="a",
                    destination="catalog",
                    destination_region="b",
                    destination_instance="catalog-b0",
                ),
            ),
            regions=(Region(name="a"), Region(name="b")),
        )

    def lease_holder(self, capability: type) -> LeaseHolder:
        return LeaseHolder("nobody")

    def load_settings(self) -> dict[str, str]:
        return {}

    def _reach(self) -> None:
        if not self._reachable:
            raise ActionFailed("the cluster does not answer", took_effect="no")


class At(Struct, frozen=True, kw_only=True):
    """A Situation, set up by a test."""

    phase: Literal["before", "during"] = "during"
    plan: Plan
    environment: SmallEnvironment = SmallEnvironment()
    now: float = 0.0
    objectives: dict[str, Objective] = {}
    measured: Measurement | None = None

    def objective(self, name: str) -> Objective | None:
        return self.objectives.get(name)

    def recent(self, objective: str, seconds: float) -> Measurement | None:
        return self.measured


def plan(*steps: PlannedStep, seconds: float = 60.0) -> Plan:
    experiment = Experiment(name="x", hypothesis="y", objectives=(), method=())
    return Plan(experiment=experiment, environment=REF, seed=1, steps=steps, seconds=seconds)


def hit(kind: TargetKind, *targets: str) -> PlannedFault:
    return PlannedFault(
        name="step",
        fault=PluginUse(kind="kill"),
        target_kind=kind,
        targets=targets,
        candidates=9,
        population=9,
        duration_seconds=1.0,
        holder=LeaseHolder("nobody"),
    )


def reason(answer: Go | Stop) -> str:
    assert isinstance(answer, Stop)
    return answer.reason


class TestArmed:
    def test_an_armed_environment_may_be_broken(self) -> None:
        assert Armed().check(At(plan=plan())) == Go()

    def test_one_that_is_not_armed_stops_before_and_during_the_run(self) -> None:
        for phase in ("before", "during"):
            situation = At(plan=plan(), phase=phase, environment=SmallEnvironment(armed=False))
            assert reason(Armed().check(situation)) == "environment 'small' is not armed: its file says so"

    def test_one_that_cannot_be_asked_stops(self) -> None:
        situation = At(plan=plan(), environment=SmallEnvironment(reachable=False))
        assert "cannot tell whether environment 'small' is armed" in reason(Armed().check(situation))


class TestBlastRadius:
    @pytest.mark.parametrize(
        ("steps", "guardrail", "says"),
        [
            ([hit("instance", "edge-a0")], BlastRadius(service_share=0.25), ""),
            (
                [hit("instance", "edge-a0"), hit("instance", "edge-a1")],
                BlastRadius(service_share=0.25),
                "the plan would hit 2 of 4 instances of edge (50%), allowed are 25%",
            ),
            (
                [PlannedParallel(name="p", steps=(hit("instance", "edge-a0"),))],
                BlastRadius(service_share=0.2),
                "1 of 4",
            ),
            ([hit("region", "a")], BlastRadius(service_share=0.5), ""),
            (
                [hit("region", "a"), hit("instance", "edge-b0")],
                BlastRadius(service_share=0.5),
                "3 of 4 instances of edge",
            ),
            ([hit("region", "a")], BlastRadius(regions_share=0.4), "1 of 2 regions (50%)"),
            ([hit("link", "a->b")], BlastRadius(links_share=0.5), "1 of 1 links (100%)"),
            ([hit("link", "a->b"), hit("region", "a", "b")], BlastRadius(), ""),
        ],
    )
    def test_more_than_the_share_is_refused(self, steps: list[PlannedStep], guardrail: BlastRadius, says: str) -> None:
        answer = guardrail.check(At(plan=plan(*steps), phase="before"))
        assert says in reason(answer) if says else answer == Go()

    def test_what_exists_cannot_be_told_stops(self) -> None:
        situation = At(plan=plan(), phase="before", environment=SmallEnvironment(reachable=False))
        assert "cannot tell how much" in reason(BlastRadius().check(situation))


def objective(operator: Operator, value: float) -> dict[str, Objective]:
    threshold = Threshold(operator, value, f"{operator} {value}")
    return {"served": Objective(name="served", probe=PluginUse(kind="http"), threshold=threshold)}


class TestObjectiveFloor:
    floor = ObjectiveFloor(objective="served", floor=0.5, min_samples=10)

    @pytest.mark.parametrize(
        ("measured", "stops"),
        [
            (Ratio(0, 20), True),
            (Ratio(40, 200), True),
            (Ratio(16, 40), False),  # one in seven such windows of a system at the floor has so few
            (Ratio(180, 200), False),
            (Ratio(0, 9), False),
            (None, False),
            (Ratio(0, 0), False),
        ],
    )
    def test_a_share_certainly_below_the_floor_stops(self, measured: Measurement | None, stops: bool) -> None:
        answer = self.floor.check(At(plan=plan(), objectives=objective(">=", 0.9), measured=measured))
        assert isinstance(answer, Stop) is stops

    def test_a_time_above_the_floor_stops(self) -> None:
        guardrail = ObjectiveFloor(objective="served", floor=1000.0, min_samples=2)
        slow, fast = (Spread(Histogram.of([value] * 10), 0.95) for value in (2000.0, 500.0))
        situation = At(plan=plan(), objectives=objective("<", 800.0), measured=slow)
        assert "above the floor of 1000" in reason(guardrail.check(situation))
        assert guardrail.check(At(plan=plan(), objectives=objective("<", 800.0), measured=fast)) == Go()

    def test_it_names_what_it_saw_and_the_bound(self) -> None:
        situation = At(plan=plan(), objectives=objective(">=", 0.9), measured=Ratio(40, 200))
        assert reason(self.floor.check(situation)) == (
            "'served' was 20.0% over the last 5 s (200 samples), certainly below the floor of 50.0%"
        )

    def test_less_confidence_stops_sooner(self) -> None:
        bold = ObjectiveFloor(objective="served", floor=0.5, min_samples=10, confidence=0.5)
        situation = At(plan=plan(), objectives=objective(">=", 0.9), measured=Ratio(0, 14))
        assert isinstance(bold.check(situation), Stop)
        assert self.floor.check(situation) == Go()

    def test_before_the_start_nothing_was_measured_yet(self) -> None:
        situation = At(plan=plan(), phase="before", objectives=objective(">=", 0.9), measured=Ratio(0, 100))
        assert self.floor.check(situation) == Go()

    def test_an_objective_that_does_not_exist_cannot_be_watched(self) -> None:
        assert "no objective 'served'" in reason(self.floor.check(At(plan=plan())))


class TestStopFile:
    def test_the_run_goes_on_until_the_file_is_there(self, tmp_path: Path) -> None:
        guardrail = StopFile(path=str(tmp_path / "stop"))
        assert guardrail.check(At(plan=plan())) == Go()
        (tmp_path / "stop").touch()
        assert reason(guardrail.check(At(plan=plan()))) == f"{tmp_path}/stop exists"

    def test_a_link_to_nowhere_was_put_there_too(self, tmp_path: Path) -> None:
        (tmp_path / "stop").symlink_to(tmp_path / "nowhere")
        assert "exists" in reason(StopFile(path=str(tmp_path / "stop")).check(At(plan=plan())))

    def test_a_folder_that_cannot_be_looked_into_stops(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert "cannot be read" in reason(StopFile(path=str(tmp_path / "none" / "stop")).check(At(plan=plan())))
        assert "cannot tell" in reason(StopFile(path=str(tmp_path / "file" / "stop")).check(At(plan=plan())))


class TestHours:
    @staticmethod
    def at(text: str, phase: Literal["before", "during"] = "during", zone: str = "UTC", seconds: float = 60.0) -> At:
        now = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()
        return At(plan=plan(seconds=seconds), phase=phase, now=now)

    @pytest.mark.parametrize(
        ("moment", "goes"),
        [
            ("2026-11-20T09:00", True),  # a Friday
            ("2026-11-20T16:59", True),
            ("2026-11-20T17:00", False),
            ("2026-11-20T08:59", False),
            ("2026-11-21T12:00", False),
        ],
    )
    def test_working_hours_are_the_default(self, moment: str, goes: bool) -> None:
        assert isinstance(Hours().check(self.at(moment)), Go) is goes

    def test_a_run_that_would_not_end_within_the_hours_is_not_begun(self) -> None:
        assert "would last until Fri 17:09" in reason(Hours().check(self.at("2026-11-20T16:59", "before", seconds=600)))
        assert Hours().check(self.at("2026-11-20T16:59", "during", seconds=600)) == Go()

    def test_hours_are_those_of_the_time_zone(self) -> None:
        moment = self.at("2026-11-20T09:30", zone="Asia/Tokyo")
        assert Hours(timezone="Asia/Tokyo").check(moment) == Go()
        assert "it is Fri 00:30 in UTC" in reason(Hours().check(moment))

    def test_hours_that_pass_midnight_belong_to_the_day_they_start_on(self) -> None:
        night = Hours(days=("fri",), start="22:00", end="06:00")
        goes = [isinstance(night.check(self.at(f"2026-11-{moment}")), Go) for moment in ("20T23:00", "21T05:00")]
        stops = [isinstance(night.check(self.at(f"2026-11-{moment}")), Stop) for moment in ("20T05:00", "21T23:00")]
        assert goes + stops == [True] * 4

    def test_hours_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no time zone 'Mars/Olympus'"):
            Hours(timezone="Mars/Olympus")
        with pytest.raises(ValueError, match="same time"):
            Hours(start="09:00", end="09:00")


def test_all_of_them_are_guardrails() -> None:
    """Held by the type checker: each fits the protocol."""
    everything: list[Guardrail] = [
        Armed(),
        BlastRadius(),
        Hours(),
        ObjectiveFloor(objective="served", floor=0.5),
        StopFile(path="/tmp/stop"),
    ]
    assert len(everything) == 5
