"""Knocking at pods through the API server: whether a pod can be reached from elsewhere, whatever its status says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.connection import Request
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Pod

PATIENCE_SECONDS = 3.0
_SILENT = (b"dial tcp", b"connection refused", b"i/o timeout", b"no route to host", b"deadline exceeded", b"not found")


def answering(pods: Sequence[tuple[Place, Pod]]) -> list[bool | None]:
    """For each pod whether anything answers at its port; None for one that names no TCP port."""
    with ThreadPoolExecutor(max(1, min(24, len(pods)))) as pool:
        return list(pool.map(lambda each: _answers(*each), pods))


def _answers(place: Place, pod: Pod) -> bool | None:
    port, path = pod.health
    if not port:
        return None
    target = f"{place.pod_path}:{port}/proxy{path or '/'}"
    request = Request(method="GET", path=target, patience_seconds=PATIENCE_SECONDS, once=True)
    began = time.monotonic()
    try:
        status, body = place.cluster.ask(request)
    except answers.Unreachable:
        if time.monotonic() - began < PATIENCE_SECONDS / 2:
            raise  # it is the API server that cannot be reached
        return False  # it answers, as the list of these pods shows: it is still trying to connect
    if status == 403 and b'"kind":"Status"' in body.replace(b" ", b""):
        raise answers.failed(f"GET {target}", place.cluster.words, status, body)
    # What a service says itself is an answer, also an error: only the API server's own words mean silence.
    return not (status >= 400 and b'"kind":"Status"' in body.replace(b" ", b"") and any(w in body for w in _SILENT))
