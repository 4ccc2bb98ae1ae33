"""One run at a time also where runs come from several machines, if the environment keeps them apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from chaos.model.environment import CanReserve, Environment, parts_of
from chaos.model.errors import ActionFailed, ChaosError, Refused

RENEW_EVERY_SECONDS = 5.0


@contextmanager
def reserved(environment: Environment, run: str) -> Iterator[None]:
    """Have all parts of the environment for this run until the block ends. Raises Refused when another run has one."""
    with ExitStack() as stack:
        for part in parts_of(environment):
            if isinstance(part, CanReserve):
                stack.enter_context(_reserved(part, run))
        yield


@contextmanager
def _reserved(environment: CanReserve, run: str) -> Iterator[None]:
    """A thread renews it. One that cannot is no reason to stop: whoever disarms or loses it is noticed elsewhere."""
    try:
        environment.reserve(run)
    except ActionFailed as error:
        raise Refused(error.message, error.hint) from error
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(environment, run, over), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        with suppress(ChaosError):
            environment.free(run)


def _renew(environment: CanReserve, run: str, over: threading.Event) -> None:
    while not over.wait(RENEW_EVERY_SECONDS):
        with suppress(ChaosError):
            environment.reserve(run)
