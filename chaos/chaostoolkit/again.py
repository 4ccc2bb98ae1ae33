"""Calling the rollbacks of a run that has ended: for its guardian, and for `chaos rollback`."""

from __future__ import annotations

import time
from pathlib import Path

from chaos.chaostoolkit.activities import Activities
from chaos.chaostoolkit.redact import RedactedRecorder, Redactor
from chaos.chaostoolkit.rollbacks import roll_back, rollback_caller
from chaos.chaostoolkit.values import Values
from chaos.engine.clock import SystemClock
from chaos.journal.read import read_open_injections
from chaos.journal.write import JournalWriter
from chaos.model.chaostoolkit import ToolkitExperiment


class Again:
    """A run's journal, opened to roll it back. `by` is who does it."""

    def __init__(self, journal: Path, experiment: ToolkitExperiment, values: Values, by: str) -> None:
        redactor = Redactor(values)
        self.clock = SystemClock()
        self.recorder = RedactedRecorder(JournalWriter(journal), redactor)
        self._journal = journal
        self._experiment = experiment
        self._caller = rollback_caller(values, redactor)
        self._by = by

    def roll_back(self) -> bool:
        """Call every rollback if the method is open in the journal. True when one of them failed."""
        if not read_open_injections(self._journal):
            return False
        activities = Activities(None, self.recorder, self.clock, time.sleep)
        runs = roll_back(
            self._experiment.rollbacks,
            lambda activity: activities.carry_out(activity, self._caller),
            self.recorder,
            self.clock,
            (read_open_injections(self._journal)[0].injection, self._by),
        )
        return any(run["honest_failure"] for run in runs)
