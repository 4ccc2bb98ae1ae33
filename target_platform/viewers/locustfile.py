"""Viewers of the streaming platform, for Locust.

They find the platform by CHAOS_STATE_FILE; CHAOS_SEED, CHAOS_TIME_SCALE and CHAOS_MIX (the path of a mix) are optional,
and so are CHAOS_WORKER and CHAOS_WORKERS, by which processes that share a load keep their viewers apart, and
CHAOS_HISTORY=1, by which they keep a history of what they did with data, and CHAOS_ROUTE53, by whose weights new
sessions are sent to regions (route53.py). Works with
`chaos run` (load: {locustfile: viewers}) and with `locust -f` alike.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from random import Random

from locust import User, constant, events, task
from locust.env import Environment

from target_platform.viewers.accounts import Accounts
from target_platform.viewers.audit import Audit
from target_platform.viewers.behaviour import shipped_behaviour
from target_platform.viewers.directory import read_directory
from target_platform.viewers.dns import Dns
from target_platform.viewers.journey import Belongings, Journey, Viewer
from target_platform.viewers.mix import read_mix
from target_platform.viewers.report import Reporter
from target_platform.viewers.route53 import names_of

DIRECTORY = read_directory()
MIX = os.environ.get("CHAOS_MIX", "")
BEHAVIOUR = read_mix(Path(MIX), shipped_behaviour(), DIRECTORY.regions) if MIX else shipped_behaviour()
AUDIT = Audit(keeps_history=os.environ.get("CHAOS_HISTORY", "") == "1")
ACCOUNTS = Accounts(BEHAVIOUR.arriving)
SEED = os.environ.get("CHAOS_SEED", "0")
DNS = Dns(DIRECTORY, names_of(os.environ, DIRECTORY.regions, Random(f"{SEED}/names")))
TIME_SCALE = float(os.environ.get("CHAOS_TIME_SCALE", "1"))


def audit(**_: object) -> None:
    """All sessions have ended, so nobody writes any more."""
    AUDIT.run()


events.test_stop.add_listener(audit)  # type: ignore[no-untyped-call] # Locust has no types for it


class PlatformViewer(User):
    """One viewer. In the open loop it has one session; in the closed loop it comes back at once."""

    wait_time = constant(0)
    _numbers = itertools.count(int(os.environ.get("CHAOS_WORKER", "0")), int(os.environ.get("CHAOS_WORKERS", "1")))

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        number = next(self._numbers)
        self._random = Random(f"{SEED}/viewer/{number}")
        self._viewer = Viewer.drawn(number, DIRECTORY, BEHAVIOUR, self._random)
        self._reporter = Reporter(environment.events.request.fire, self._viewer.region, AUDIT.keeps_history)
        self._belongings = Belongings(ACCOUNTS, DNS, AUDIT)

    @task
    def session(self) -> None:
        Journey(self._viewer, DIRECTORY, BEHAVIOUR, self._reporter, self._belongings).travel(self._random, TIME_SCALE)
