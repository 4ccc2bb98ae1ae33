"""How many files a process may have open: RLIMIT_NOFILE, changed while it runs (prlimit(2))."""

from __future__ import annotations

import os
import resource

from chaos.environments.local import processes
from chaos.model.capabilities import FileLimit, Identity, Means
from chaos.model.errors import ActionFailed


def means(identity: Identity, more: int) -> Means:
    """The limit that leaves `more` places, and the one from before. A descriptor's number must be below the limit."""
    open_now = _numbers(identity)
    before = _limit(identity)
    if open_now is None or before is None:
        raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")
    limit, free = 0, 0
    while limit in open_now or free < more:
        free += limit not in open_now
        limit += 1
    soft, hard = before
    if soft != resource.RLIM_INFINITY and limit >= soft:
        raise ActionFailed(f"process {identity['pid']} has only {soft - len(open_now)} files left", took_effect="no")
    return {"limit": limit, "soft": soft, "hard": hard}


def lower(identity: Identity, means: Means) -> None:
    """Only the soft limit: whoever may lower that may raise it again."""
    if not _set(identity, int(means["limit"]), int(means["hard"])):
        raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")


def put_back(identity: Identity, means: Means) -> None:
    """For all processes of the instance that have our limit: those forked meanwhile have inherited it."""
    for pid in processes.family(identity):
        try:
            if resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] == int(means["limit"]):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(means["soft"]), int(means["hard"])))
        except ProcessLookupError:
            pass  # it has ended
        except PermissionError as error:
            raise _not_ours(pid) from error


def seen(identity: Identity) -> FileLimit | None:
    open_now, limit = _numbers(identity), _limit(identity)
    if open_now is None or limit is None:
        return None
    return FileLimit(limit[0], limit[0] - sum(number < limit[0] for number in open_now))


def refusal(identity: Identity) -> str:
    """Why this cannot be done to a process; empty when it can."""
    try:
        _limit(identity)
    except ActionFailed as failed:
        return failed.message
    return ""


def _set(identity: Identity, soft: int, hard: int) -> bool:
    """Whether the process was there to be limited."""
    if not processes.is_alive(identity):
        return False
    try:
        resource.prlimit(int(identity["pid"]), resource.RLIMIT_NOFILE, (soft, hard))
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise _not_ours(int(identity["pid"])) from error
    return True


def _limit(identity: Identity) -> tuple[int, int] | None:
    if not processes.is_alive(identity):
        return None
    try:
        return resource.prlimit(int(identity["pid"]), resource.RLIMIT_NOFILE)
    except ProcessLookupError:
        return None
    except PermissionError as error:
        raise _not_ours(int(identity["pid"])) from error


def _numbers(identity: Identity) -> set[int] | None:
    """Of the descriptors that are open; None when the process is gone."""
    if not processes.is_alive(identity):
        return None
    try:
        return {int(name) for name in os.listdir(f"/proc/{identity['pid']}/fd")}
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError as error:
        raise _not_ours(int(identity["pid"])) from error


def _not_ours(pid: int) -> ActionFailed:
    hint = "run chaos as the user who runs the platform"
    return ActionFailed(f"process {pid} belongs to another user", hint, took_effect="no")
