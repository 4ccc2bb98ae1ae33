"""What AWS does and moto does not: answered as its documentation says, and remembered.

`lasts` is for how many looks something goes on, before it is over by itself.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.cloud.standin import Answer, Asked

FOR_EVER = 10**9


@dataclass
class Reboots:
    """Each start is to be seen on the console; meanwhile nobody reaches the machine."""

    lasts: int = FOR_EVER
    starts: int = 1
    looks_left: int = 0

    def answers(self) -> Mapping[str, Answer]:
        return {
            "GetConsoleOutput": self._console,
            "RebootInstances": self._rebooted,
            "DescribeInstanceStatus": self._statuses,
        }

    def _console(self, asked: Asked) -> str:
        output = f"<output>{b64encode(b'started ' * self.starts).decode()}</output>"
        return f"<GetConsoleOutputResponse><instanceId>i</instanceId>{output}</GetConsoleOutputResponse>"

    def _rebooted(self, asked: Asked) -> str:
        self.starts, self.looks_left = self.starts + 1, self.lasts
        return asked.handed_on()[2].decode()

    def _statuses(self, asked: Asked) -> str:
        text = asked.handed_on()[2].decode()
        if not self.looks_left:
            return text
        self.looks_left -= 1
        return text.replace("<status>ok</status>", "<status>initializing</status>")


@dataclass
class Refreshes:
    """Of one group; the newest is first. Each goes on until it is cancelled."""

    all: list[dict[str, str]] = field(default_factory=list)

    def answers(self) -> Mapping[str, Answer]:
        return {
            "StartInstanceRefresh": self._started,
            "DescribeInstanceRefreshes": self._described,
            "CancelInstanceRefresh": self._cancelled,
        }

    def _started(self, asked: Asked) -> str:
        assert asked.given["Preferences.MaxHealthyPercentage"] == "100", "more machines would cost more"
        self.all.insert(0, {"id": f"refresh-{len(self.all)}", "status": "InProgress", "done": "50"})
        return _xml("StartInstanceRefresh", f"<InstanceRefreshId>{self.all[0]['id']}</InstanceRefreshId>")

    def _described(self, asked: Asked) -> str:
        members = "".join(
            f"<member><InstanceRefreshId>{each['id']}</InstanceRefreshId><Status>{each['status']}</Status>"
            f"<PercentageComplete>{each['done']}</PercentageComplete></member>"
            for each in self.all
        )
        return _xml("DescribeInstanceRefreshes", f"<InstanceRefreshes>{members}</InstanceRefreshes>")

    def _cancelled(self, asked: Asked) -> str:
        self.all[0]["status"] = "Cancelled"
        return _xml("CancelInstanceRefresh", f"<InstanceRefreshId>{self.all[0]['id']}</InstanceRefreshId>")


@dataclass
class Caches:
    """One of two nodes; moto's own primary is cache-001."""

    primary: str = "cache-001"

    def answers(self) -> Mapping[str, Answer]:
        return {"TestFailover": self._failed_over, "DescribeReplicationGroups": self._described}

    def _failed_over(self, asked: Asked) -> str:
        assert (asked.given["ReplicationGroupId"], asked.given["NodeGroupId"]) == ("cache", "0001")
        self.primary = "cache-002"
        return _xml("TestFailover", "<ReplicationGroup/>")

    def _described(self, asked: Asked) -> str:
        return asked.handed_on()[2].decode().replace(">cache-001<", f">{self.primary}<")


@dataclass
class Standbys:
    """Of database instances: the one in the other zone takes over, after some looks."""

    lasts: int = 0
    zone: str = "eu-west-1a"
    looks_left: int = 0

    def answers(self) -> Mapping[str, Answer]:
        return {"RebootDBInstance": self._rebooted, "DescribeDBInstances": self._described}

    def _rebooted(self, asked: Asked) -> str:
        assert asked.given["ForceFailover"] == "true", "otherwise it would come back in the same zone"
        self.zone, self.looks_left = "eu-west-1b", self.lasts
        return asked.handed_on()[2].decode()

    def _described(self, asked: Asked) -> str:
        text = asked.handed_on()[2].decode().replace(">eu-west-1a<", f">{self.zone}<")
        if self.looks_left:
            self.looks_left -= 1
            return text.replace(">available<", ">rebooting<")
        return text


@dataclass
class ZonalShifts:
    """Applied at once, and gone when they are cancelled."""

    all: list[dict[str, object]] = field(default_factory=list)

    def answers(self) -> Mapping[str, Answer]:
        return {
            "GET /zonalshifts": lambda asked: json.dumps({"items": self.all}),
            "POST /zonalshifts": self._started,
            "DELETE /zonalshifts/shift-1": lambda asked: json.dumps(self.all.pop()),
            "GET /managedresources/.*": self._managed,
        }

    def _started(self, asked: Asked) -> str:
        assert asked.given["awayFrom"] == "euw1-az3", "which is eu-west-1a of this account"
        ends = time.time() + 60 * int(asked.given["expiresIn"].removesuffix("m"))
        shift = {"zonalShiftId": "shift-1", "startTime": time.time(), "expiryTime": ends, "status": "ACTIVE"}
        self.all.append({**asked.given, **shift})
        return json.dumps(self.all[0])

    def _managed(self, asked: Asked) -> str:
        applied = [{**each, "appliedStatus": "APPLIED"} for each in self.all]
        return json.dumps({"appliedWeights": {}, "zonalShifts": applied})


@dataclass
class Commands:
    """Moto remembers them, and knows neither how they fare nor on which machine."""

    machine: str = ""
    status: str = "InProgress"

    def answers(self) -> Mapping[str, Answer]:
        return {
            "SendCommand": self._sent,
            "ListCommands": self._listed,
            "ListCommandInvocations": self._invoked,
            "CancelCommand": self._cancelled,
        }

    def _sent(self, asked: Asked) -> str:
        [self.machine] = asked.given["InstanceIds"]
        self.status = "InProgress"
        return asked.handed_on()[2].decode()

    def _listed(self, asked: Asked) -> str:
        found = json.loads(asked.handed_on()[2])
        for each in found["Commands"]:
            each |= {"Status": self.status, "InstanceIds": [self.machine]}
        return json.dumps(found)

    def _invoked(self, asked: Asked) -> str:
        one = {"CommandId": asked.given["CommandId"], "InstanceId": asked.given["InstanceId"], "Status": self.status}
        return json.dumps({"CommandInvocations": [one]})

    def _cancelled(self, asked: Asked) -> str:
        self.status = "Cancelled"
        return "{}"


@dataclass
class Experiments:
    """Of FIS: each works from the start on, until it is stopped."""

    status: str = "running"

    def answers(self) -> Mapping[str, Answer]:
        return {
            "GET /experiments": self._listed,
            "GET /experiments/[^/]+": self._one,
            "DELETE /experiments/[^/]+": self._stopped,
        }

    def _listed(self, asked: Asked) -> str:
        found = json.loads(asked.handed_on()[2])
        for each in found["experiments"]:
            each["state"]["status"] = self.status
        return json.dumps(found)

    def _one(self, asked: Asked) -> str:
        found = json.loads(asked.handed_on()[2])
        for each in (found["experiment"], *found["experiment"]["actions"].values()):
            each["state"] = {"status": self.status}
        return json.dumps(found)

    def _stopped(self, asked: Asked) -> str:
        self.status = "stopped"
        return asked.handed_on()[2].decode()


def _xml(action: str, body: str) -> str:
    result = f"<{action}Result>{body}</{action}Result>"
    return f"<{action}Response>{result}<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
