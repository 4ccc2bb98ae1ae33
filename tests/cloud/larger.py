"""More of a system in the emulated account: one of each kind of resource that some fault changes."""

from __future__ import annotations

import json

from chaos.environments.aws.records import tags_in
from chaos.model.system import Target, Workload
from tests.cloud.emulated import ARMED, IMAGE, SYSTEM, Emulated
from tests.cloud.standin import Asked, Standin

REGION = "eu-west-1"
_TAGS = {each["Key"]: each["Value"] for each in (ARMED, SYSTEM)}
_LIST = [ARMED, SYSTEM]


class Larger:
    """The larger system, and the stand-in that it is reached through."""

    def __init__(self, aws: Emulated, standin: Standin) -> None:
        self.aws, self.standin = aws, standin
        self.environment = aws.environment()

    def target(self, name: str) -> Target:
        """The first thing, group or machine whose name begins so; the account is asked for nothing else."""
        region = name.partition("/")[0]
        things = [(each.bare_name, each.kind) for each in self.environment.things(region)]
        databases = () if region == "global" else self.environment.databases(region)
        things += [(each.bare_name, "database") for each in databases]
        groups = [(each.name, "group") for each in (() if region == "global" else self.environment.groups(region))]
        for bare, kind in (*things, *groups):
            if f"{region}/{bare}".startswith(name):
                return Workload(name=f"{region}/{bare}", service="", labels={"kind": kind})
        machines = self.environment.machines(region)
        return self.environment.instance_of(next(each for each in machines if each.name.startswith(name)))


def enlarge(aws: Emulated) -> None:
    """All of it in one region, but for the health check, which has none."""
    call = aws.call
    call("sqs", REGION, "create_queue", QueueName="orders", tags=_TAGS)
    call("sns", REGION, "create_topic", Name="news", Tags=_LIST)
    call("kinesis", REGION, "create_stream", StreamName="clicks", ShardCount=2)
    call("kinesis", REGION, "add_tags_to_stream", StreamName="clicks", Tags=_TAGS)
    key = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    call("dynamodb", REGION, "create_table", TableName="carts", Tags=_LIST, KeySchema=schema, **key)
    call("s3", REGION, "create_bucket", Bucket="films", CreateBucketConfiguration={"LocationConstraint": REGION})
    call("s3", REGION, "put_bucket_tagging", Bucket="films", Tagging={"TagSet": _LIST})
    ledger = {"DBInstanceIdentifier": "ledger", "DBInstanceClass": "db.m5.large", "Engine": "postgres"}
    zones = {"MultiAZ": True, "AvailabilityZone": f"{REGION}a", "AllocatedStorage": 20}
    secrets = {"MasterUsername": "shop", "MasterUserPassword": "not-a-secret"}
    call("rds", REGION, "create_db_instance", Tags=_LIST, **ledger, **zones, **secrets)
    _check(aws)
    _balanced(aws)
    _pool(aws)
    _containers(aws)
    cache = {"ReplicationGroupId": "cache", "ReplicationGroupDescription": "sessions", "Engine": "redis"}
    call("elasticache", REGION, "create_replication_group", Tags=_LIST, CacheNodeType="cache.t3.micro", **cache)


def do_what_moto_does_not(aws: Emulated, standin: Standin) -> None:
    """Moto lists neither streams nor node groups nor health checks by their tags, and buckets in all regions.

    It cannot tag a node group, nor give its machines to the Auto Scaling group that it says is behind it, nor replace
    machines in zones that a group has left.
    """
    of_nodes = dict(_TAGS)

    def listed(asked: Asked) -> str:
        everywhere = asked.given["ResourceTypeFilters"] == ["route53"]
        more = _checks(aws) if everywhere else _regional(aws, asked.region, of_nodes)
        found = json.loads(asked.handed_on()[2])
        here = [
            each
            for each in found["ResourceTagMappingList"]
            if asked.region == REGION or ":s3:" not in each["ResourceARN"]
        ]
        found["ResourceTagMappingList"] = here
        chosen = {each["Key"]: each["Values"] for each in asked.given["TagFilters"]}
        for arn, tags in more.items():
            if all(tags.get(key) in values for key, values in chosen.items()):
                as_list = [{"Key": key, "Value": value} for key, value in tags.items()]
                found["ResourceTagMappingList"].append({"ResourceARN": arn, "Tags": as_list})
        return json.dumps(found)

    def scaled(asked: Asked) -> str:
        group = aws.call("eks", REGION, "describe_nodegroup", clusterName="pods", nodegroupName="all")["nodegroup"]
        given = {"AutoScalingGroupName": group["resources"]["autoScalingGroups"][0]["name"]}
        wanted = asked.given["scalingConfig"]["desiredSize"]
        aws.call("autoscaling", REGION, "update_auto_scaling_group", DesiredCapacity=wanted, **given)
        return asked.handed_on()[2].decode()

    def tagged(asked: Asked) -> str:
        of_nodes.update(asked.given.get("tags", {}))
        for key in asked.given.get("tagKeys", ()):
            of_nodes.pop(key, None)
        return json.dumps({"tags": of_nodes})

    def moved(asked: Asked) -> str:
        answer = asked.handed_on()[2].decode()
        zones = {value for key, value in asked.given.items() if key.startswith("AvailabilityZones.member")}
        for machine in _machines_of(aws, asked.given["AutoScalingGroupName"]) if zones else ():
            if machine["AvailabilityZone"] not in zones:
                given = {"InstanceId": machine["InstanceId"], "ShouldDecrementDesiredCapacity": False}
                aws.call("autoscaling", REGION, "terminate_instance_in_auto_scaling_group", **given)
        return answer

    standin.answers["UpdateAutoScalingGroup"] = moved
    standin.answers["GetResources"] = listed
    standin.answers["(GET|POST|DELETE) /tags/arn:aws:eks:.*:nodegroup/.*"] = tagged
    standin.answers["POST /clusters/pods/node-groups/all/update-config"] = scaled
    standin.answers["GET /zonalshifts"] = lambda asked: json.dumps({"items": []})


def _machines_of(aws: Emulated, group: str) -> list[dict[str, str]]:
    given = {"AutoScalingGroupNames": [group]}
    found = aws.call("autoscaling", REGION, "describe_auto_scaling_groups", **given)["AutoScalingGroups"]
    return [machine for each in found for machine in each["Instances"]]


def _checks(aws: Emulated) -> dict[str, dict[str, str]]:
    found = {}
    for check in aws.call("route53", "us-east-1", "list_health_checks")["HealthChecks"]:
        whose = {"ResourceType": "healthcheck", "ResourceId": check["Id"]}
        tags = aws.call("route53", "us-east-1", "list_tags_for_resource", **whose)["ResourceTagSet"]["Tags"]
        found[f"arn:aws:route53:::healthcheck/{check['Id']}"] = tags_in(tags)
    return found


def _regional(aws: Emulated, region: str, of_nodes: dict[str, str]) -> dict[str, dict[str, str]]:
    if region != REGION:
        return {}
    stream = aws.call("kinesis", region, "describe_stream_summary", StreamName="clicks")["StreamDescriptionSummary"]
    tags = aws.call("kinesis", region, "list_tags_for_stream", StreamName="clicks")["Tags"]
    given = {"clusterName": "pods", "nodegroupName": "all"}
    nodes = aws.call("eks", region, "describe_nodegroup", **given)["nodegroup"]
    return {stream["StreamARN"]: tags_in(tags), nodes["nodegroupArn"]: of_nodes}


def _check(aws: Emulated) -> None:
    config = {"Type": "HTTP", "IPAddress": "192.0.2.1", "Port": 80, "ResourcePath": "/"}
    given = {"CallerReference": "1", "HealthCheckConfig": config}
    id = aws.call("route53", "us-east-1", "create_health_check", **given)["HealthCheck"]["Id"]
    tags = {"ResourceType": "healthcheck", "ResourceId": id, "AddTags": _LIST}
    aws.call("route53", "us-east-1", "change_tags_for_resource", **tags)


def _containers(aws: Emulated) -> None:
    """An ECS service of three tasks, and an EKS node group of two nodes."""
    aws.call("ecs", REGION, "create_cluster", clusterName="main")
    container = {"name": "web", "image": "web", "memory": 64}
    aws.call("ecs", REGION, "register_task_definition", family="web", containerDefinitions=[container])
    service = {"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 3}
    tags = [{"key": key, "value": value} for key, value in _TAGS.items()]
    aws.call("ecs", REGION, "create_service", tags=tags, **service)
    aws.call("ecs", REGION, "update_service", cluster="main", service="web", desiredCount=3)  # from now on three run
    role = "arn:aws:iam::123456789012:role/shop"
    subnets = {"subnetIds": ["subnet-1"]}
    aws.call("eks", REGION, "create_cluster", name="pods", roleArn=role, resourcesVpcConfig=subnets)
    scaling = {"minSize": 1, "desiredSize": 2, "maxSize": 4}
    nodes = {"clusterName": "pods", "nodegroupName": "all", "nodeRole": role, "subnets": ["subnet-1"], "tags": _TAGS}
    made = aws.call("eks", REGION, "create_nodegroup", scalingConfig=scaling, **nodes)["nodegroup"]
    sizes = {"MinSize": 0, "MaxSize": 4, "DesiredCapacity": 2, "AvailabilityZones": [f"{REGION}a"]}
    given = {"AutoScalingGroupName": made["resources"]["autoScalingGroups"][0]["name"], **sizes}
    aws.call("autoscaling", REGION, "create_auto_scaling_group", LaunchConfigurationName="pool", **given)


def _balanced(aws: Emulated) -> None:
    """A target group with the machines of two zones."""
    machines = [each for each in aws.environment().machines(REGION) if each.tags.get("service") == "web"]
    group = {"Name": "web", "Protocol": "HTTP", "Port": 80, "VpcId": machines[0].vpc, "Tags": _LIST}
    arn = aws.call("elbv2", REGION, "create_target_group", **group)["TargetGroups"][0]["TargetGroupArn"]
    targets = [{"Id": each.id} for each in machines]
    aws.call("elbv2", REGION, "register_targets", TargetGroupArn=arn, Targets=targets)
    subnets = [each.subnet for each in machines]
    aws.call("elbv2", REGION, "create_load_balancer", Name="front", Subnets=subnets, Tags=_LIST)


def _pool(aws: Emulated) -> None:
    """A group in two zones whose machines bear the system's tags."""
    launch = {"LaunchConfigurationName": "pool", "ImageId": IMAGE, "InstanceType": "t3.micro"}
    aws.call("autoscaling", REGION, "create_launch_configuration", **launch)
    whole = [*_LIST, {"Key": "service", "Value": "pool"}]
    tags = [{**each, "PropagateAtLaunch": True} for each in whole]
    sizes = {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2, "AvailabilityZones": [f"{REGION}a", f"{REGION}b"]}
    given = {"AutoScalingGroupName": "pool", "LaunchConfigurationName": "pool", "Tags": tags, **sizes}
    aws.call("autoscaling", REGION, "create_auto_scaling_group", **given)
