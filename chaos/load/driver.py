"""Locust as a LoadSource: starts its worker processes, merges their reports into one stream, ends them.

Workers are our own and not Locust's distributed mode: that shares out a number of users (closed loop only), gives a
dead worker's users to the others without a word, and needs a port. Here each worker makes its share of one Poisson
process, and a load that lost a worker has failed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from chaos.load.merge import Merger
from chaos.load.wire import Job, Part
from chaos.load.worker import READY_SECONDS, Worker
from chaos.model.errors import BadInput
from chaos.model.experiment import Load
from chaos.model.sample import LoadReport

_BUNDLED = {"viewers": ("target_platform", "viewers/locustfile.py")}
_MIXES = "mixes"
_TOGETHER_SECONDS = 0.05
"""From the word to several workers until they begin: all have heard it by then."""


class LocustLoad:
    """A LoadSource. `settings` and `load.settings` become environment variables of the locustfile.

    `directory` receives locust.log (of several workers locust-1.log and so on): everything that a child prints.
    """

    def __init__(self, load: Load, settings: Mapping[str, str], seed: int, directory: Path) -> None:
        self._load = load
        self._settings = settings
        self._seed = seed
        self._directory = directory
        self._workers: list[Worker] = []
        self._merger = Merger(0)

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that have been started and not ended."""
        return tuple(worker.pid for worker in self._workers)

    def start(self) -> None:
        """Start the workers; load has begun when this returns. Raises BadInput when the locustfile cannot be used."""
        jobs = self._jobs()
        variables = self._variables()
        self._merger = Merger(len(jobs))
        deadline = time.monotonic() + READY_SECONDS
        try:
            for job in jobs:
                worker = Worker(job, self._directory)
                self._workers.append(worker)
                worker.spawn(variables)
            for worker in self._workers:
                worker.await_ready(deadline)
            at = time.monotonic() + (_TOGETHER_SECONDS if len(jobs) > 1 else 0.0)
            for worker in self._workers:
                worker.begin(at)
        except BaseException:
            self.kill()
            raise

    def poll(self) -> tuple[LoadReport, ...]:
        """All reports since the last poll; does not block. Raises ChaosError when a worker has died or hung."""
        if not self._workers:
            return ()
        try:
            for number, worker in enumerate(self._workers):
                self._merger.add(number, worker.poll())
        except BaseException:
            self.kill()
            raise
        report = self._merger.take()
        if report is not None and report.finished:
            for worker in self._workers:
                worker.see_off()
            self._workers = []
        return () if report is None else (report,)

    def stop(self) -> None:
        """Ask the workers to end their arrivals and drain; keep polling until a report has `finished`."""
        for worker in self._workers:
            worker.stop()

    def kill(self) -> None:
        """End the workers and everything they started, now. Safe to call at any time and again."""
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def _jobs(self) -> list[Job]:
        load = self._load
        workers = min(load.workers, load.users or load.workers)  # one without a single user would only cost memory
        return [
            Job(
                name=load.locustfile,
                locustfile=str(find_locustfile(load.locustfile)),
                seed=self._seed,
                drain_seconds=load.drain_seconds,
                arrivals_per_second=load.arrivals_per_second,
                users=load.users,
                shape=load.shape,
                part=Part(worker, workers),
                host=load.host or self._settings.get("CHAOS_HOST", ""),
            )
            for worker in range(workers)
        ]

    def _variables(self) -> dict[str, str]:
        mix = {"CHAOS_MIX": str(find_mix(self._load.mix, self._load.locustfile))} if self._load.mix else {}
        scale = {"CHAOS_TIME_SCALE": str(self._load.time_scale)}
        return {**self._settings, **self._load.settings, **mix, **scale}


def check(load: Load) -> None:
    """Raises BadInput for a locustfile or a mix that is not there; what they hold is looked at when load starts."""
    find_locustfile(load.locustfile)
    if load.mix:
        find_mix(load.mix, load.locustfile)


def find_locustfile(name: str) -> Path:
    """The absolute path of a bundled locustfile or of a user's own. Raises BadInput."""
    if name in _BUNDLED:
        package, inside = _BUNDLED[name]
        spec = find_spec(package)  # finds it without importing it
        if spec is None or spec.origin is None:
            raise BadInput(f"The locustfile {name!r} belongs to the package {package}, which is not installed.")
        return Path(spec.origin).parent / inside
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise BadInput(
            f"There is no locustfile {name!r} (looked for {path}).",
            f"Give the path of a Locust file, or one of the bundled ones: {', '.join(_BUNDLED)}.",
        )
    return path


def find_mix(name: str, locustfile: str) -> Path:
    """The absolute path of a mix that stands beside a bundled locustfile, or of a user's own. Raises BadInput."""
    if "/" in name or name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser().absolute()
        if not path.is_file():
            raise BadInput(f"There is no mix {name!r} (looked for {path}).")
        return path
    folder = find_locustfile(locustfile).parent / _MIXES
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        hint = f"The mixes of {locustfile} are: {known}." if known else "A mix of your own is given by its path."
        raise BadInput(f"There is no mix {name!r} for the locustfile {locustfile!r}.", hint)
    return path
