"""Plans as templates of FIS: checked by botocore's own model of that service, and taken by the emulated account."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.model import ServiceModel, Shape
from botocore.session import get_session
from botocore.validate import ParamValidator

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.model.errors import BadInput, Refused
from chaos.spec import read_experiment
from tests.cloud.emulated import ACCOUNT, ARMED, IMAGE, SYSTEM, Emulated
from tests.cloud.test_runs import EXPERIMENT, Desk

ROLE = f"arn:aws:iam::{ACCOUNT}:role/fis"
ALARM = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:slow"
STEPS = """method:
  - name: web
    fault: kill
    target: {instance: {service: web, region: eu-west-1}, amount: all}
    duration: 2m
  - wait: 90s
  - parallel:
      - {name: dark, fault: {aws/zone_outage: {zone: eu-west-1a}}, target: {region: {name: eu-west-1}}, duration: 1h}
      - {name: writer, fault: aws/database_failover, target: {workload: {name: eu-west-1/orders}}, duration: 5m}
"""


def test_steps_become_actions_that_begin_after_each_other_with_the_targets_of_the_plan(aws: Emulated) -> None:
    environment = aws.environment()
    template = exported(aws, STEPS)
    web = template["targets"]["web"]
    machines = [each.name for each in environment.inventory().instances if each.region == "eu-west-1"]
    assert sorted(arn.rpartition("/")[2] for arn in web["resourceArns"]) == sorted(
        name.partition("/")[2] for name in machines
    )
    actions = template["actions"]
    assert actions["web"]["actionId"] == "aws:ec2:stop-instances"
    assert actions["web"]["parameters"] == {"startInstancesAfterDuration": "PT2M"}
    [wait] = [name for name, each in actions.items() if each.get("startAfter") == ["web"]]
    assert actions[wait]["parameters"] == {"duration": "PT90S"}
    assert {name for name, each in actions.items() if each.get("startAfter") == [wait]} == {"dark", "writer"}
    assert actions["dark"]["parameters"] == {"scope": "all", "duration": "PT60M"}
    assert actions["writer-lasts"]["startAfter"] == ["writer"], "a failover has no duration of its own"
    assert template["stopConditions"] == [{"source": "aws:cloudwatch:alarm", "value": ALARM}]
    aws.is_as_filled = True


def test_the_template_is_one_by_the_services_own_model_and_can_be_created(aws: Emulated) -> None:
    template = exported(aws, STEPS)
    operation = fis().operation_model("CreateExperimentTemplate")
    report = ParamValidator().validate(template, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert list(beyond(template, operation.input_shape)) == []
    made = aws.call("fis", "eu-west-1", "create_experiment_template", **template)["experimentTemplate"]
    assert made["actions"].keys() == template["actions"].keys()
    aws.is_as_filled = True


def test_more_than_five_targets_are_several_actions(aws: Emulated) -> None:
    [machine] = aws.call("ec2", "eu-west-1", "describe_instances")["Reservations"][0]["Instances"]
    tags = [each for each in machine["Tags"] if not each["Key"].startswith("aws:")]
    given = {"ImageId": IMAGE, "MinCount": 5, "MaxCount": 5, "SubnetId": machine["SubnetId"]}
    aws.call(
        "ec2", "eu-west-1", "run_instances", TagSpecifications=[{"ResourceType": "instance", "Tags": tags}], **given
    )
    template = exported(aws, STEPS)
    assert sorted(len(each["resourceArns"]) for each in template["targets"].values())[-2:] == [2, 5]
    assert list(beyond(template, fis().operation_model("CreateExperimentTemplate").input_shape)) == []


def test_what_strikes_once_has_an_action_by_what_it_strikes(aws: Emulated) -> None:
    one = {"DBInstanceIdentifier": "ledger", "DBInstanceClass": "db.m5.large", "Engine": "postgres", "MultiAZ": True}
    secrets = {"MasterUsername": "shop", "MasterUserPassword": "not-a-secret", "AllocatedStorage": 20}
    aws.call("rds", "eu-west-1", "create_db_instance", Tags=[ARMED, SYSTEM], **one, **secrets)
    web = "{instance: {service: web, region: eu-west-1}}"
    steps = [
        f"{{name: again, fault: aws/reboot, target: {web}, duration: 5m}}",
        "{name: writers, fault: aws/database_failover, duration: 5m, "
        "target: {workload: {name: [eu-west-1/orders, eu-west-1/db/ledger]}, amount: all}}",
    ]
    template = exported(aws, "method:\n" + "".join(f"  - {each}\n" for each in steps))
    struck = {
        (action["actionId"], role, *template["targets"][target]["resourceArns"])
        for action in template["actions"].values()
        for role, target in action.get("targets", {}).items()
    }
    account = f"arn:aws:rds:eu-west-1:{ACCOUNT}"
    assert ("aws:rds:failover-db-cluster", "Clusters", f"{account}:cluster:orders") in struck
    assert ("aws:rds:reboot-db-instances", "DBInstances", f"{account}:db:ledger") in struck
    assert {each[:2] for each in struck} >= {("aws:ec2:reboot-instances", "Instances")}
    assert list(beyond(template, fis().operation_model("CreateExperimentTemplate").input_shape)) == []
    aws.call("rds", "eu-west-1", "modify_db_instance", DBInstanceIdentifier="ledger", MultiAZ=False)
    with pytest.raises(Refused, match=r"eu-west-1/db/ledger has no standby \(Multi-AZ\)"):
        exported(aws, "method:\n" + f"  - {steps[1]}\n")


@pytest.mark.parametrize(
    ("fault", "target", "duration", "words"),
    [
        ("{aws/capacity: {machines: 1}}", "{workload: {name: eu-west-1/workers}}", "2m", "FIS has no action"),
        ("kill", "{instance: {service: web, region: eu-west-1}}", "30s", "FIS knows one minute to twelve hours"),
        ("kill", "{instance: {service: web}, amount: all}", "2m", "breaks something in eu-west-1, us-east-1"),
    ],
)
def test_what_fis_cannot_do_is_refused(aws: Emulated, fault: str, target: str, duration: str, words: str) -> None:
    method = f"method:\n  - {{fault: {fault}, target: {target}, duration: {duration}}}\n"
    with pytest.raises(BadInput, match=words):
        exported(aws, method)
    aws.is_as_filled = True


def test_the_command_prints_the_template_and_says_what_is_lost(desk: Desk) -> None:
    file = desk.experiment("kill", "{instance: {service: web, region: eu-west-1}, amount: one}", "1m")
    code, said = desk.chaos("export", "fis", file, "-e", desk.environment(), "--role", ROLE)
    assert code == 0, said
    template, _, rest = said.partition("\n}\n")
    assert json.loads(template + "\n}")["stopConditions"] == [{"source": "none"}]
    assert "no room for its objectives" in rest
    assert "no --alarm is given" in rest
    desk.aws.is_as_filled = True


def exported(aws: Emulated, method: str) -> dict[str, Any]:
    whole = EXPERIMENT.format(fault="kill", target="{}", duration="1m", margin="10s")
    text = re.sub(r"method:.*(?=recovery:)", lambda _: method, whole, flags=re.DOTALL)
    experiment = read_experiment(text.replace("limits: {", "limits: {maxDuration: 12h, "), "dark.yaml", Catalog(), {})
    environment = aws.environment()
    plan = make_plan(experiment, environment, Catalog(), 7)
    template: dict[str, Any] = json.loads(environment.as_template(plan, ROLE, (ALARM,)))
    return template


def fis() -> ServiceModel:
    return get_session().get_service_model("fis")


def beyond(value: Any, shape: Shape) -> list[str]:
    """Patterns and greatest lengths of a shape, which botocore's own check passes over."""
    kind, limit = shape.type_name, shape.metadata.get("max")
    found = (
        [f"{shape.name} is longer than {limit}"] if limit and hasattr(value, "__len__") and len(value) > limit else []
    )
    if kind == "string" and not re.fullmatch(shape.metadata.get("pattern", "[\\s\\S]*"), value):
        found.append(f"{shape.name} does not match: {value}")
    if kind == "structure":
        found += [each for key, inner in value.items() for each in beyond(inner, shape.members[key])]
    elif kind == "list":
        found += [each for inner in value for each in beyond(inner, shape.member)]
    elif kind == "map":
        found += [
            each
            for pair in value.items()
            for part, of in zip(pair, (shape.key, shape.value), strict=True)
            for each in beyond(part, of)
        ]
    return found
