"""Describes the running system as the State that outsiders read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from target_platform.launcher.folder import Folder
from target_platform.launcher.keeper import Keeper
from target_platform.launcher.process import born
from target_platform.launcher.spec import (
    DiscoveryStatus,
    InstanceSpec,
    InstanceStatus,
    LaunchSpec,
    LinkSpec,
    LinkStatus,
    ProxySpec,
    ProxyStatus,
    State,
)

if TYPE_CHECKING:
    from target_platform.launcher.system import System

VERSION = 1


def describe(system: System) -> State:
    """The state of this moment."""
    spec, folder = system.spec, system.folder
    launcher = born(os.getpid())
    zygote = system.zygote.identity if system.zygote else None
    return State(
        version=VERSION,
        name=spec.name,
        launcher={"pid": launcher.pid, "started": launcher.started},
        control=str(folder.socket("control")),
        regions=spec.regions,
        instances=tuple(
            _instance(each, system.instances[each.name], folder, system.unlimited.get(each.name, ""))
            for each in spec.instances
        ),
        links=tuple(_link(each, spec) for each in spec.links),
        policies_file=str(folder.policies(spec.policies_file)),
        weakened=system.weakened,
        log_dir=str(folder.logs),
        proxies=tuple(_proxy(each, system.proxies[each.region], folder) for each in spec.proxies),
        zygote=None if zygote is None else {"pid": zygote.pid, "started": zygote.started},
        zygote_restarts=system.zygote.restarts if system.zygote else 0,
        discovery=tuple(
            DiscoveryStatus(
                region=name,
                file=str(folder.discovery(name)),
                spoilt_by={holder: spoil.until for holder, spoil in region.spoils.items()},
            )
            for name, region in system.discovery.regions.items()
        ),
    )


def _instance(instance: InstanceSpec, keeper: Keeper, folder: Folder, unlimited: str) -> InstanceStatus:
    identity = keeper.identity
    return InstanceStatus(
        name=instance.name,
        service=instance.service,
        region=instance.region,
        address=f"127.0.0.1:{instance.port}",
        state=keeper.state,
        pid=identity.pid if identity else None,
        started=identity.started if identity else None,
        restarts=keeper.restarts,
        held_until=keeper.held_until,
        holders=dict(keeper.holds),
        labels=instance.labels,
        health_path=instance.health_path,
        metrics_path=instance.metrics_path,
        log=str(folder.log(instance.name, instance.region)),
        data_dir=instance.keeps_data_in,
        data_unlimited=unlimited,
        reserve=instance.reserve,
    )


def _proxy(proxy: ProxySpec, keeper: Keeper, folder: Folder) -> ProxyStatus:
    identity = keeper.identity
    return ProxyStatus(
        region=proxy.region,
        api=_api(proxy),
        state=keeper.state,
        pid=identity.pid if identity else None,
        started=identity.started if identity else None,
        restarts=keeper.restarts,
        log=str(folder.log("proxy", proxy.region)),
    )


def _link(link: LinkSpec, spec: LaunchSpec) -> LinkStatus:
    carriers = (_api(proxy) for proxy in spec.proxies if proxy.region == link.source_region)
    return LinkStatus(
        name=link.name,
        source=link.source,
        source_region=link.source_region,
        destination=link.destination,
        destination_region=link.destination_region,
        destination_instance=link.destination_instance,
        address=f"127.0.0.1:{link.listen_port}",
        proxy_api=link.proxy_api or next(carriers),
        public=link.public,
    )


def _api(proxy: ProxySpec) -> str:
    return f"http://127.0.0.1:{proxy.api_port}"
