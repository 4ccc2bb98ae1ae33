"""Protections taken away from the platform on a cluster, and given back whoever dies.

What was before is on disk before anything is changed. A process of its own, `python -m` this file, reads from us and
gives back when that ends: also after kill -9. When it is killed too, `chaos rollback` finds the record.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.environments.kubernetes import installation
from chaos.environments.kubernetes.commands import Commands
from chaos.environments.kubernetes.connection import kubeconfig_path
from chaos.model.errors import ActionFailed, ChaosError, Refused

FOLDER = "weakened"
"""Below STEADFAST_HOME."""

_HELM_PATIENCE_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
Say = Callable[[str], None]


class Weakening(Struct, frozen=True, kw_only=True):
    """What is on disk: where, and which weaknesses were in force before."""

    cluster: Commands
    chart: str
    before: tuple[str, ...]


@contextmanager
def weakened(cluster: Commands, chart: Path, names: Sequence[str], say: Say, folder: Path) -> Iterator[None]:
    """Replace the platform's pods by weaker ones until the block ends, or this process does.

    `folder` is where the record is kept. Raises Refused when nothing is installed, or when the cluster is weakened by
    somebody else who lives; BadInput for a weakness that is not known; ActionFailed when it cannot be given back.
    """
    if not installation.workloads(cluster):
        raise Refused(f"the platform is not up in namespace {cluster.namespace}", "`chaos platform up` brings it up")
    record = _written(folder, Weakening(cluster=_pinned(cluster), chart=str(chart), before=_in_force(cluster)))
    holder = subprocess.Popen(
        [sys.executable, "-m", __name__, str(record)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdin is not None, "asked for above"
    assert holder.stdout is not None, "asked for above"
    with holder:
        if holder.stdout.readline() != "holding\n":
            raise ActionFailed("nobody could be started who gives the platform its protections back", took_effect="no")
        try:
            installation.weaken(cluster, chart, names, say)
            yield
        finally:
            holder.stdin.close()
            for line in holder.stdout:
                say(line.rstrip())
            if holder.wait():
                raise ActionFailed("the platform may still be weakened", "`chaos rollback` tries again")


def give_back_all(folder: Path, say: Say) -> bool:
    """Give back what runs have left of which no process lives. Whether something could not be."""
    said = [_given_back(record, say) for record in sorted(folder.glob("*.json"))]
    return "failed" in said


def main(record: Path) -> int:
    """The holder's side: 0 when the protections are back."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    descriptor = _locked(record)
    if descriptor is None:
        return 1
    _print("holding")
    while sys.stdin.read(1):
        pass  # nobody writes to it; the read returns when whoever weakens is gone
    return 0 if _restored(record, _print) else 1


def _given_back(record: Path, say: Say) -> str:
    descriptor = _locked(record)
    if descriptor is None:
        return "held"  # by a process that lives
    try:
        return "done" if not record.exists() or _restored(record, say) else "failed"
    finally:
        os.close(descriptor)


def _restored(record: Path, say: Say) -> bool:
    """Whether it could be done; the record then goes."""
    found = msgspec.json.decode(record.read_bytes(), type=Weakening)
    try:
        _weaken_in_turn(found, say)
    except ChaosError as error:
        say(f"the platform in namespace {found.cluster.namespace} is still weakened: {error}")
        return False
    record.unlink()
    said = f"weakened by {', '.join(found.before)}" if found.before else "with all its protections"
    say(f"the platform is back {said}")
    return True


def _weaken_in_turn(found: Weakening, say: Say) -> None:
    """A helm that outlived its caller may still be at it; one that was killed has left the release locked."""
    deadline = time.monotonic() + _HELM_PATIENCE_SECONDS
    while True:
        try:
            if installation.workloads(found.cluster):  # else it has been taken down, and nothing is weakened
                installation.weaken(found.cluster, Path(found.chart), found.before, say)
        except ActionFailed as error:
            if "another operation" not in error.message:
                raise
            if time.monotonic() > deadline:
                found.cluster.helm("rollback", installation.RELEASE)
                deadline = float("inf")
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def _pinned(cluster: Commands) -> Commands:
    """With kubeconfig and context spelt out: who gives back must not meet another cluster because somebody has
    changed the current context."""
    path = cluster.kubeconfig or kubeconfig_path("")
    if os.pathsep in path or not os.path.exists(path):
        return cluster  # in a pod there is none; several can be named only by KUBECONFIG
    context = cluster.context or cluster.kubectl("config", "current-context").strip()
    return Commands(namespace=cluster.namespace, context=context, kubeconfig=path)


def _in_force(cluster: Commands) -> tuple[str, ...]:
    return tuple(name for name in installation.weakened(cluster).split(",") if name)


def _written(folder: Path, weakening: Weakening) -> Path:
    """On disk when this returns. Raises Refused when there is such a record already."""
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(msgspec.json.encode(weakening.cluster)).hexdigest()[:16]
    record = folder / f"{name}.json"
    try:
        with record.open("xb") as opened:
            opened.write(msgspec.json.encode(weakening))
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError as error:
        raise Refused(
            f"the platform in namespace {weakening.cluster.namespace} is weakened by another run",
            "wait for it; if it was killed, `chaos rollback` gives the protections back",
        ) from error
    return record


def _locked(record: Path) -> int | None:
    """A descriptor that holds the record while it is open; None when somebody else does, or it is gone."""
    try:
        descriptor = os.open(record, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _print(line: str) -> None:
    """Whoever started us may be dead."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
