"""Templates of FIS started as one fault, looked at, and stopped: CanRunTemplates.

An experiment of FIS bears our tag from its start on. Its own actions have durations, so it ends by itself as well.
https://docs.aws.amazon.com/fis/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from chaos.environments.aws.answers import NotThere
from chaos.environments.aws.functions import Functions
from chaos.environments.aws.records import Hold, holds_in, key_of, tag_of
from chaos.model.fis import TemplateRun

_UNDER_WAY = ("pending", "initiating", "running")
_OVER = ("completed", "stopped", "failed", "cancelled")


class Templates(Functions):
    """A template is named REGION/ID; an experiment of it is found by the tag that names its holder."""

    def start_template(self, template: str, holder: str, until: float) -> None:
        if self.template_run(template, holder) is not None:
            return
        region, _, id = template.partition("/")
        tag = tag_of(holder, Hold(what=f"template {id}", until=until))
        # The token makes FIS itself answer a second request with the experiment of the first.
        given = {"clientToken": holder, "experimentTemplateId": id, "tags": {tag["Key"]: tag["Value"]}}
        self.account.call("fis", region, "start_experiment", **given)
        self.changed()

    def stop_template(self, template: str, holder: str) -> None:
        self.account.verify()
        found = self.once_shown(lambda: self.template_run(template, holder), lambda seen: seen is not None)
        if found is not None and found.state in _UNDER_WAY:
            self.account.call("fis", template.partition("/")[0], "stop_experiment", id=found.id)

    def template_run(self, template: str, holder: str) -> TemplateRun | None:
        self.account.verify()
        region = template.partition("/")[0]
        started = (each for each in self._experiments(region) if key_of(holder) in each.get("tags", {}))
        one = next(started, None)
        if one is None:
            return None
        try:
            found = self.account.call("fis", region, "get_experiment", id=one["id"])["experiment"]
        except NotThere:
            return None
        states = {name: str(each.get("state", {}).get("status", "")) for name, each in found["actions"].items()}
        return TemplateRun(found["id"], found["state"]["status"], found["state"].get("reason", ""), states)

    def template_actions(self, template: str) -> tuple[str, ...]:
        return tuple(sorted(self._template(template).get("actions", {})))

    def template_tags(self, template: str) -> dict[str, str]:
        return dict(self._template(template).get("tags", {}))

    def template_runs(self, region: str) -> dict[str, Hold]:
        """Experiments of ours that are not over, by holder."""
        under_way = [each for each in self._experiments(region) if each["state"]["status"] not in _OVER]
        return {holder: hold for each in under_way for holder, hold in holds_in(each.get("tags", {})).items()}

    def template_regions(self) -> tuple[str, ...]:
        """Where there may be any: nobody else is asked for the right to look."""
        return tuple(sorted({each.partition("/")[0] for each in self.settings.templates}))

    def _template(self, template: str) -> dict[str, Any]:
        region, _, id = template.partition("/")
        try:
            found: dict[str, Any] = self.account.call("fis", region, "get_experiment_template", id=id)
        except NotThere:
            return {}
        return dict(found["experimentTemplate"])

    def _experiments(self, region: str) -> list[dict[str, Any]]:
        return list(self.account.pages("fis", region, "list_experiments", "experiments"))
