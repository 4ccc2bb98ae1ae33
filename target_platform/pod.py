"""One instance in a pod: `steadfast-service NAME`, told the rest by the chart (helm/streaming-platform).

The environment says which pod it is (REGION, POD_NAME, POD_IP, SESSION_KEY, LICENCE_SECRET), platform.yaml beside the
policies what all pods share. Who the others are it hears from DNS.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform import services
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.dns import instance_at
from target_platform.kit.serve import run
from target_platform.kit.service import Service

CONFIG = Path("/etc/streaming")
DATA, LOGS, MEDIA = Path("/data"), Path("/logs"), Path("/opt/media")


class Platform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the chart writes into platform.yaml. `domain` is that of the namespace, e.g. streaming.svc.cluster.local.

    `edges` and `hubs` are base addresses (HOST:PORT) by region that players are given in place of the pods' own;
    `stores` are the shelves of the media pipeline, by the region whose origins ask them.
    """

    regions: tuple[str, ...]
    port: int
    domain: str
    replicas: dict[str, int]
    edges: dict[str, str] = {}
    hubs: dict[str, str] = {}
    stores: dict[str, str] = {}


def main() -> None:
    parser = argparse.ArgumentParser(prog="steadfast-service", description="Runs one instance of a service in a pod.")
    parser.add_argument("service", choices=services.names(), help="which service")
    service = services.load(parser.parse_args().service)
    try:
        platform = msgspec.yaml.decode((CONFIG / "platform.yaml").read_bytes(), type=Platform)
        config = instance_config(service, platform, os.environ)
    except (OSError, msgspec.DecodeError) as error:
        parser.error(f"{CONFIG / 'platform.yaml'} cannot be used: {error}")
    except KeyError as error:
        parser.error(f"the environment variable {error.args[0]} is not set: this runs in a pod of the chart")
    run(service, config)


def instance_config(service: Service, platform: Platform, environ: Mapping[str, str]) -> InstanceConfig:
    """Raises KeyError for a variable that is not set."""
    region = environ["REGION"]
    return InstanceConfig(
        name=_name(service, region, environ),
        service=service.name,
        region=region,
        host="0.0.0.0",
        port=platform.port,
        regions=platform.regions,
        policies_file=str(CONFIG / "policies.yaml"),
        data_dir=str(DATA),
        log_dir=str(LOGS),
        endpoints={each: _named_pods(each, platform) for each in (*service.calls, *service.refers_to)},
        discovery=f"dns:{platform.domain}",
        settings={
            "media_dir": str(MEDIA),
            "accounts_file": str(DATA / "accounts.sqlite"),
            "session_key": environ["SESSION_KEY"],
            "licence_secret": environ["LICENCE_SECRET"],
            "store": platform.stores.get(region, ""),
            **{f"edge_address.{region}": address for region, address in platform.edges.items()},
            **{f"hub_address.{region}": address for region, address in platform.hubs.items()},
        },
    )


def _name(service: Service, region: str, environ: Mapping[str, str]) -> str:
    """REGION/SERVICE-N where data is kept, by the pod's number; elsewhere a pod is as good as its successor."""
    if service.keeps_data:
        return f"{region}/{service.name}-{environ['POD_NAME'].rpartition('-')[2]}"
    return instance_at(region, service.name, environ["POD_IP"])


def _named_pods(service: str, platform: Platform) -> tuple[Endpoint, ...]:
    """The pods of a StatefulSet, which have names whether they run or not; of a Deployment none."""
    if not services.load(service).keeps_data:
        return ()
    return tuple(
        Endpoint(
            instance=f"{region}/{service}-{number}",
            region=region,
            address=f"{service}-{region}-{number}.{service}-{region}.{platform.domain}:{platform.port}",
        )
        for region in platform.regions
        for number in range(1, platform.replicas[service] + 1)
    )


if __name__ == "__main__":
    main()
