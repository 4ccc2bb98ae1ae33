"""What botocore reads of AWS's answers: enough of a machine, and every time as before."""

from __future__ import annotations

from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.utils import parse_timestamp

from chaos.environments.aws.account import Account
from chaos.environments.aws.looking import _machine
from chaos.environments.aws.parsing import moment, read_less
from chaos.environments.aws.settings import Settings

MACHINE = b"""<DescribeInstancesResponse><requestId>1</requestId><reservationSet>
<item><ownerId>1</ownerId><instancesSet><item>
<instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>
<launchTime>2026-11-21T10:00:00.000Z</launchTime><placement><availabilityZone>eu-west-1a</availabilityZone></placement>
<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><imageId>ami-1</imageId>
<groupSet><item><groupId>sg-1</groupId></item></groupSet><tagSet><item><key>system</key><value>shop</value></item></tagSet>
</item></instancesSet></item></reservationSet></DescribeInstancesResponse>"""


def test_a_machine_is_read_whole_and_nothing_else_of_it() -> None:
    account = Account(Settings(account="123456789012", regions=("eu-west-1",)))
    model = account._client("ec2", "eu-west-1").meta.service_model.operation_model("DescribeInstances")
    account.close()
    answer = {"body": MACHINE, "headers": {}, "status_code": 200}
    [reservation] = create_parser("ec2").parse(answer, model.output_shape)["Reservations"]
    assert reservation.keys() == {"Instances"}
    [found] = reservation["Instances"]
    assert "ImageId" not in found
    machine = _machine(found, "eu-west-1")
    assert (machine.id, machine.state, machine.zone) == ("i-1", "running", "eu-west-1a")
    assert (machine.subnet, machine.vpc, machine.groups) == ("subnet-1", "vpc-1", ("sg-1",))
    assert (machine.address, machine.tags) == ("10.0.0.1", {"system": "shop"})
    assert machine.launched == "2026-11-21T10:00:00+00:00"


def test_other_sessions_read_as_before() -> None:
    read_less(botocore.session.Session())
    others = botocore.session.Session().get_service_model("ec2").shape_for("Instance")
    assert "ImageId" in others.members


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-21T10:00:00.000Z",
        "2026-11-21T10:00:00+02:00",
        "Sat, 21 Nov 2026 10:00:00 GMT",
        1795255200,
        1795255200.5,
        "1795255200",
        "1795255200.25",
    ],
)
def test_a_time_is_what_botocore_would_read(written: object) -> None:
    assert moment(written).astimezone(UTC) == parse_timestamp(written).astimezone(UTC)


def test_what_is_no_time_is_an_error_as_before() -> None:
    assert moment("2026-11-21T10:00:00Z") == datetime(2026, 11, 21, 10, tzinfo=UTC)
    with pytest.raises(ValueError, match="Invalid timestamp"):
        moment("Tomorrow")
