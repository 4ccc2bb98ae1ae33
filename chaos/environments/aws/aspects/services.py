"""ECS services with fewer tasks: CanSetTasks. What is too many is stopped at once, not drained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanSetTasks, Seen, Values

_TASKS = ("arn:aws:ecs:*:{account}:service/*", "arn:aws:ecs:*:{account}:task/*")
_ACTIONS = ("ecs:DescribeServices", "ecs:UpdateService", "ecs:StopTask")
_TAGS = ("ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource")
_WHY = "stopped by Steadfast"


class Tasks:
    """In effect when as many run as the service is to have."""

    name = "tasks"
    kind = "service"
    capability = CanSetTasks
    needs = (Need((*_ACTIONS, *_TAGS), _TASKS), Need(("ecs:ListTasks",), ("*",)))

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = self._service(account, thing)
        wanted, runs = int(found["desiredCount"]), int(found["runningCount"])
        return Seen({"tasks": wanted}, wanted == runs, f"{runs} run")

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        wanted = int(values["tasks"] or 0)
        cluster, _, service = thing.name.partition("/")
        fewer = wanted < int(self._service(account, thing)["desiredCount"])
        account.call("ecs", thing.region, "update_service", cluster=cluster, service=service, desiredCount=wanted)
        if fewer:
            with after_a_change():
                self._stop(account, thing, wanted)

    def _stop(self, account: Account, thing: Thing, wanted: int) -> None:
        cluster, _, service = thing.name.partition("/")
        given = {"cluster": cluster, "serviceName": service, "desiredStatus": "RUNNING"}
        running = sorted(str(each) for each in account.pages("ecs", thing.region, "list_tasks", "taskArns", **given))
        for task in running[wanted:]:
            account.call("ecs", thing.region, "stop_task", cluster=cluster, task=task, reason=_WHY)

    def _service(self, account: Account, thing: Thing) -> dict[str, Any]:
        cluster, _, service = thing.name.partition("/")
        answer = account.call("ecs", thing.region, "describe_services", cluster=cluster, services=[service])
        found = next((each for each in answer["services"] if each["status"] != "INACTIVE"), None)
        if found is None:
            raise NotThere(f"there is no service {thing.name} in {thing.region}", took_effect="no")
        return dict(found)
