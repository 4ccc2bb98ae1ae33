"""The child's life: load the locustfile, make load, report each second, drain."""

from __future__ import annotations

import random
import time
from typing import Any

import gevent
import locust
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import STATE_STOPPED, STATE_STOPPING

from chaos.load.leash import Leash
from chaos.load.listen import Listener
from chaos.load.locustfile import CannotUse, load_users
from chaos.load.loops import ClosedLoop, Loop, OpenLoop
from chaos.load.outbox import Outbox
from chaos.load.recorder import Recorder
from chaos.load.wire import Hello, Job

TICK_SECONDS = 0.05
REPORT_SECONDS = 1.0
_BEGIN_LOOK_SECONDS = 0.005

_EPOCH_OF_MONOTONIC = time.time() - time.monotonic()


def generate(job: Job, outbox: Outbox, leash: Leash) -> None:
    """Make the job's load until the leash says stop. Raises CannotUse before there is any."""
    # What the locustfile draws from the module is repeatable as far as its greenlets are; no two workers draw the same.
    random.seed(job.seed if job.part.worker == 0 else f"{job.seed}/worker/{job.part.worker}")
    recorder = Recorder()
    environment = _environment(job)
    events: Any = environment.events  # Locust has no types for them
    events.request.add_listener(Listener(recorder, _now).on_request)
    runner = environment.create_local_runner()
    loop: Loop = OpenLoop(environment, job, recorder, _now)
    if job.users is not None:
        loop = ClosedLoop(runner, job, _now)
    events.init.fire(environment=environment, runner=runner, web_ui=None)
    outbox.send(Hello())

    loop.start(_begin(leash))
    reporter = _Reporter(recorder, loop, outbox)
    while not leash.stop_asked:
        reporter.tick()
        if runner.state in (STATE_STOPPING, STATE_STOPPED):
            raise SystemExit(f"The locustfile {job.name} stopped Locust's runner by itself.")
    draining = gevent.spawn(loop.drain, job.drain_seconds)
    while not draining.ready():
        reporter.tick()
    events.quitting.fire(environment=environment, reverse=True)
    reporter.finish(unfinished=draining.get())


def _begin(leash: Leash) -> float:
    """Wait for the moment at which all workers begin; in epoch seconds."""
    while leash.begin_at is None and not leash.stop_asked:
        gevent.sleep(_BEGIN_LOOK_SECONDS)
    begin = _EPOCH_OF_MONOTONIC + leash.begin_at if leash.begin_at is not None else _now()
    gevent.sleep(max(0.0, begin - _now()))
    return begin


def _environment(job: Job) -> Environment:
    classes = load_users(job.name, job.locustfile, job.host)
    # Locustfiles read environment.parsed_options; Locust's own configuration files are none of ours.
    options = get_parser(default_config_files=[]).parse_args(["--headless"])
    try:
        return Environment(
            user_classes=classes,
            events=locust.events,
            host=job.host or None,
            parsed_options=options,
            locustfile=job.name,
        )
    except ValueError as error:
        raise CannotUse(f"The locustfile {job.name} cannot be used: {error}") from error


class _Reporter:
    """Ticks, so that a generator that is kept from running shows as lag, and sends what was recorded."""

    def __init__(self, recorder: Recorder, loop: Loop, outbox: Outbox) -> None:
        self._recorder = recorder
        self._loop = loop
        self._outbox = outbox
        self._report_at = _now() + REPORT_SECONDS

    def tick(self) -> None:
        woken_at = _now() + TICK_SECONDS
        gevent.sleep(TICK_SECONDS)
        now = _now()
        self._recorder.lag((now - woken_at) * 1000)
        self._recorder.lag(self._loop.overdue_ms())
        self._outbox.flush()
        # While the reader lags, the recorder adds up instead of the pipe filling.
        if now >= self._report_at and not self._outbox.is_full:
            self._report_at = max(self._report_at + REPORT_SECONDS, now)
            self._outbox.send(self._recorder.take(now, self._loop.active_users))

    def finish(self, unfinished: int) -> None:
        self._outbox.send(self._recorder.take(_now(), self._loop.active_users, unfinished))
        self._outbox.flush_all()


def _now() -> float:
    """Epoch seconds that never go backwards."""
    return _EPOCH_OF_MONOTONIC + time.monotonic()
