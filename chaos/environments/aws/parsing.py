"""What botocore reads of answers about machines: no more than we use of them, and times in the one format they have.

A thousand machines are megabytes of XML. Looking for each of the 61 fields that botocore knows of a machine, and
finding out how times are written, took about half of our own CPU.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

_READ = {
    "Instance": (
        "InstanceId",
        "LaunchTime",
        "Placement",
        "PrivateIpAddress",
        "SecurityGroups",
        "State",
        "SubnetId",
        "Tags",
        "VpcId",
    ),
    "Reservation": ("Instances",),
    "InstanceStateChange": ("InstanceId",),
}
"""Members by shape of botocore's model of EC2; shapes that requests have as well stay whole."""


def read_less(session: Any) -> None:
    """For all clients that are made of this botocore session afterwards."""
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    # The loader hands out what it has loaded: what is taken out here is in no client's model.
    shapes = session.get_component("data_loader").load_service_model("ec2", "service-2", api_version=None)["shapes"]
    for name, read in _READ.items():
        members = shapes[name]["members"]
        shapes[name]["members"] = {key: members[key] for key in read}


def moment(written: Any) -> datetime:
    """ISO 8601, which is what almost all are; of others botocore finds out how they are written. Raises ValueError."""
    if isinstance(written, str) and "T" in written:
        with suppress(ValueError):
            return datetime.fromisoformat(written)
    from botocore.utils import parse_timestamp

    found: datetime = parse_timestamp(written)
    return found
