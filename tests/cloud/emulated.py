"""An AWS account that is emulated: moto's server, in a process of its own, with a system in two regions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.account import Account
from chaos.environments.aws.settings import Settings
from chaos.model.environment import EnvironmentRef
from chaos.model.system import JSON
from tests.local.launcher_trial import until

ACCOUNT = "123456789012"
REGIONS = ("eu-west-1", "us-east-1")
ROLE = "shop"
IMAGE = "ami-12c6146b"
PATIENCE_SECONDS = 60.0
"""A request that is asked again because a busy machine was late would find that it was done."""
ARMED = {"Key": "steadfast:armed", "Value": "true"}
SYSTEM = {"Key": "system", "Value": "shop"}


@dataclass
class Emulated:
    """`endpoint` is where the account answers; `zone_id` the hosted zone with a weighted record for each region."""

    endpoint: str
    zone_id: str = ""
    is_as_filled: bool = False
    """A test that has seen to it that nothing is changed says so here; to fill an account takes a second."""
    is_larger: bool = False
    """What larger.py adds is there as well."""

    @cached_property
    def account(self) -> Account:
        return Account(
            Settings(account=ACCOUNT, regions=REGIONS, endpoint=self.endpoint, patience_seconds=PATIENCE_SECONDS)
        )

    def ref(self, **settings: JSON) -> EnvironmentRef:
        given: dict[str, JSON] = {
            "account": ACCOUNT,
            "regions": list(REGIONS),
            "selector": {"system": "shop"},
            "hosted_zones": [self.zone_id],
            "roles": [ROLE],
            "endpoint": self.endpoint,
            "settles_within_seconds": 20.0,
            "consistent_within_seconds": 0.0,
            "patience_seconds": PATIENCE_SECONDS,
            "armed": True,
        }
        return EnvironmentRef(kind="aws", name="emulated", settings={**given, **settings})

    def environment(self, **settings: JSON) -> AwsEnvironment:
        """With the clients of the last one: boto3 takes a second to make those of all services."""
        opened = AwsEnvironment(self.ref(**settings))
        opened.account = self.account
        return opened

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        return self.account.call(service, region, operation, **given)

    def reach(self, endpoint: str) -> None:
        """At another address from now on."""
        self.endpoint = endpoint
        self.close()

    def close(self) -> None:
        """The connections to it, not the account."""
        used = self.__dict__.pop("account", None)
        if used is not None:
            used.close()

    def forget(self) -> None:
        """The account is empty again."""
        self.is_larger = False
        host = self.endpoint.removeprefix("http://")
        connection = HTTPConnection(host, timeout=60)
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().read()
        connection.close()

    def fill(self) -> None:
        """In each region two web machines in two zones, a group of three workers, a database and a function."""
        trust = {"RoleName": ROLE, "AssumeRolePolicyDocument": "{}", "Tags": [ARMED]}
        self.call("iam", "us-east-1", "create_role", **trust)
        for region in REGIONS:
            self._machines(region)
            self._group(region)
            self._database(region)
            self._function(region)
        self._weights()

    def _machines(self, region: str) -> None:
        subnets = self.call("ec2", region, "describe_subnets")["Subnets"]
        tags = [ARMED, SYSTEM, {"Key": "service", "Value": "web"}]
        for subnet in sorted(subnets, key=lambda each: str(each["AvailabilityZone"]))[:2]:
            given = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "SubnetId": subnet["SubnetId"]}
            specification = [{"ResourceType": "instance", "Tags": tags}]
            self.call("ec2", region, "run_instances", TagSpecifications=specification, **given)

    def _group(self, region: str) -> None:
        launch = {"LaunchConfigurationName": "workers", "ImageId": IMAGE, "InstanceType": "t3.micro"}
        self.call("autoscaling", region, "create_launch_configuration", **launch)
        tags = [{**each, "PropagateAtLaunch": False} for each in (ARMED, SYSTEM, {"Key": "service", "Value": "worker"})]
        sizes = {"MinSize": 2, "MaxSize": 5, "DesiredCapacity": 3}
        given = {"AutoScalingGroupName": "workers", "LaunchConfigurationName": "workers", "Tags": tags, **sizes}
        self.call("autoscaling", region, "create_auto_scaling_group", AvailabilityZones=[f"{region}a"], **given)

    def _database(self, region: str) -> None:
        cluster = {"DBClusterIdentifier": "orders", "Engine": "aurora-mysql", "Tags": [ARMED, SYSTEM]}
        secrets = {"MasterUsername": "shop", "MasterUserPassword": "not-a-secret"}
        self.call("rds", region, "create_db_cluster", **cluster, **secrets)
        for number in (1, 2):
            one = {"DBInstanceIdentifier": f"orders-{number}", "DBInstanceClass": "db.r5.large"}
            of = {"DBClusterIdentifier": "orders", "Engine": "aurora-mysql"}
            self.call("rds", region, "create_db_instance", **one, **of)

    def _function(self, region: str) -> None:
        code = {"Code": {"ZipFile": b"none"}, "Handler": "main.handle", "Runtime": "python3.11"}
        given = {"FunctionName": "resize", "Role": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", **code}
        tags = {each["Key"]: each["Value"] for each in (ARMED, SYSTEM)}
        self.call("lambda", region, "create_function", Tags=tags, **given)

    def _weights(self) -> None:
        made = self.call("route53", "us-east-1", "create_hosted_zone", Name="shop.example", CallerReference="1")
        self.zone_id = str(made["HostedZone"]["Id"]).rpartition("/")[2]
        tags = {"ResourceType": "hostedzone", "ResourceId": self.zone_id, "AddTags": [ARMED]}
        self.call("route53", "us-east-1", "change_tags_for_resource", **tags)
        for region in REGIONS:
            self.weigh(region, 100, 60)

    def weigh(self, region: str, weight: int, keep_seconds: int) -> None:
        """Send users to a region with this weight, by an answer that may be kept so long."""
        record = {
            "Name": "www.shop.example",
            "Type": "A",
            "SetIdentifier": region,
            "Weight": weight,
            "TTL": keep_seconds,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        batch = {"HostedZoneId": self.zone_id, "ChangeBatch": {"Changes": [_upsert(record)]}}
        self.call("route53", "us-east-1", "change_resource_record_sets", **batch)


def _upsert(record: dict[str, Any]) -> dict[str, Any]:
    return {"Action": "UPSERT", "ResourceRecordSet": record}


@contextmanager
def emulated(folder: Path, port: int) -> Iterator[Emulated]:
    with (folder / "moto.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: server.poll() is not None or _answers(port), within=120)
        assert server.poll() is None, (folder / "moto.log").read_text()
        reached = Emulated(f"http://127.0.0.1:{port}")
        yield reached
        reached.close()
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/moto-api/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
