"""chaos platform on a Kubernetes cluster: which one an environment file means, and what is printed of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.environments.kubernetes.commands import Commands

Say = Callable[[str], None]


def cluster_of(environment: str | None) -> Commands | None:
    """The cluster that an environment file of type kubernetes means; None for any other. Raises BadInput."""
    if environment is None:
        return None
    from chaos.catalog import Catalog
    from chaos.shipped import find_environment
    from chaos.spec import load_environment

    ref = load_environment(find_environment(environment), Catalog())
    if ref.kind != "kubernetes":
        return None
    from chaos.environments.kubernetes.commands import commands_for

    return commands_for(ref)


def up(cluster: Commands, weaken: Sequence[str], values: Sequence[str], sets: Sequence[str], say: Say) -> None:
    """Raises BadInput, Refused or ActionFailed."""
    from chaos.environments.kubernetes import installation
    from chaos.shipped import chart_dir

    wanted = installation.Wanted(
        chart=chart_dir("streaming-platform"), weakened=tuple(weaken), values=tuple(values), sets=tuple(sets)
    )
    installation.up(cluster, wanted, say)


@contextmanager
def weaken(cluster: Commands, names: Sequence[str], say: Say) -> Iterator[None]:
    """Take protections away from the platform on a cluster until the block ends, or this process does.

    Its pods are replaced for that. Raises BadInput, Refused or ActionFailed.
    """
    from chaos.environments.kubernetes import weakening
    from chaos.model.home import steadfast_home
    from chaos.shipped import chart_dir

    say(f"the platform's pods are replaced by such that are weakened by {', '.join(names)}")
    folder = steadfast_home() / weakening.FOLDER
    with weakening.weakened(cluster, chart_dir("streaming-platform"), names, say, folder):
        yield


def down(cluster: Commands, say: Say) -> None:
    from chaos.environments.kubernetes import installation

    installation.down(cluster, say)


def status(cluster: Commands, as_json: bool, say: Say) -> bool:
    """Print what runs; whether all of it is ready."""
    from chaos.environments.kubernetes import installation

    workloads = installation.workloads(cluster)
    ready = bool(workloads) and all(each.is_ready for each in workloads)
    weakened = installation.weakened(cluster)
    if as_json:
        say(json.dumps(_as_json(cluster, workloads, ready, weakened), indent=2))
    elif not workloads:
        say(f"the platform is not up in namespace {cluster.namespace}")
    else:
        with_what = f"weakened by {weakened}" if weakened else "with all its protections"
        say(f"in namespace {cluster.namespace}, {with_what}")
        for each in workloads:
            say(f"{each.name:28} {each.ready} of {each.wanted} ready")
    return ready


def _as_json(cluster: Commands, workloads: Sequence[Any], ready: bool, weakened: str) -> dict[str, Any]:
    import msgspec

    return {
        "namespace": cluster.namespace,
        "ready": ready,
        "weakened": [name for name in weakened.split(",") if name],
        "workloads": msgspec.to_builtins(workloads),
    }
