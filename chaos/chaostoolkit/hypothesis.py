"""Looking at the steady state: every probe, one after the other; before, all the while the method runs, and after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.chaostoolkit.calls import Caller, Child, Result
from chaos.chaostoolkit.tolerance import within
from chaos.model.chaostoolkit import Activity
from chaos.model.clock import Clock
from chaos.model.events import Recorder, Sampled
from chaos.model.experiment import Objective, PluginUse, Threshold
from chaos.model.sample import Count

BETWEEN_LOOKS_SECONDS = 1.0
"""From the end of one round of probes to the begin of the next, as the original's continuous strategy has it."""


@dataclass(frozen=True)
class Look:
    """One probe's answer. `trouble` is "" when it was within its tolerance."""

    probe: Activity
    result: Result
    trouble: str


def objectives(probes: tuple[Activity, ...]) -> tuple[Objective, ...]:
    """One for each probe: of all looks, none was out of tolerance. At least two looks are needed: before and after."""
    none = Threshold("<=", 0, "<= 0")
    return tuple(
        Objective(
            name=name,
            probe=PluginUse(kind=f"{probe.provider.__struct_config__.tag} probe"),
            threshold=none,
            min_samples=2,
        )
        for name, probe in zip(names(probes), probes, strict=True)
    )


def names(probes: tuple[Activity, ...]) -> list[str]:
    """The objectives' names; probes that share one are numbered."""
    found: list[str] = []
    for probe in probes:
        name = f"out of tolerance: {probe.name}"
        found.append(name if name not in found else f"{name} ({len(found) + 1})")
    return found


class Hypothesis:
    """Looks, and writes down what was seen."""

    def __init__(self, probes: tuple[Activity, ...], caller: Caller, recorder: Recorder, clock: Clock) -> None:
        self._probes = probes
        self._caller = caller
        self._recorder = recorder
        self._clock = clock

    def look(self, call: Callable[[Activity, Child | None], Result], children: dict[int, Child]) -> list[Look]:
        """One round. `children` keep a probe's process from one round to the next."""
        looks = []
        for index, (name, probe) in enumerate(zip(names(self._probes), self._probes, strict=True)):
            at = self._clock.now()
            result = call(probe, children.get(index))
            if self._caller.stopped():
                break  # the run is being ended: what is seen now says nothing
            looks.append(Look(probe, result, self._judged(probe, result)))
            self._record(name, at, looks[-1])
        return looks

    def _judged(self, probe: Activity, result: Result) -> str:
        if result.failed:
            return f"no answer: {result.error}"
        return within(probe.tolerance, result.output, self._caller)

    def _record(self, name: str, at: float, look: Look) -> None:
        missed = Count(1 if look.trouble else 0, 1)
        seen = {name: look.trouble} if look.trouble else {}
        self._recorder.record(Sampled(at=self._clock.now(), of=at, values={name: missed}, seen=seen))


class During:
    """Looks on while the method runs, in a thread of its own. `crash` is what went wrong with the looking itself."""

    def __init__(self, hypothesis: Hypothesis, count: int, caller: Caller) -> None:
        self._hypothesis = hypothesis
        self._caller = caller
        self._children = {index: Child() for index in range(count)}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-during", daemon=True)
        self.rounds: list[list[Look]] = []
        self.crash: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the round that is under way come to its end, and let the probes' processes go."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        for child in self._children.values():
            child.close()

    def _run(self) -> None:
        try:
            while not self._over.is_set() and not self._caller.stopped():
                self.rounds.append(self._hypothesis.look(self._caller.call, self._children))
                self._over.wait(BETWEEN_LOOKS_SECONDS)
        except Exception as error:  # noqa: BLE001  raised again by the run, which is not in this thread
            self.crash = error


def journal_state(looks: list[Look]) -> dict[str, Any]:
    """A round as the original's journal has it; controls read that."""
    probes = [
        {
            "activity": look.probe.raw,
            "output": look.result.output,
            "status": "failed" if look.result.failed else "succeeded",
            "tolerance_met": not look.trouble,
        }
        for look in looks
    ]
    return {"steady_state_met": all(not look.trouble for look in looks), "probes": probes}
