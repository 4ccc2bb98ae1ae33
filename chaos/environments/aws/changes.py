"""Settings of resources given other values, and back: CanChange, over the aspects. What was before stands in tags."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chaos.environments.aws import aspects, things
from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.records import Hold, holds_in, reading_before
from chaos.environments.aws.templates import Templates
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import Seen, Values
from chaos.model.errors import ActionFailed


class Changes(Templates):
    """The record of what was before is there before the change, and goes after it was taken back."""

    # parameters: as the protocol has them
    def change(self, what: type, name: str, holder: str, wanted: Values, until: float) -> None:
        aspect = aspects.OF_CAPABILITY[what]
        thing = self.thing_of(aspect.kind, name)
        if thing is None:
            raise ActionFailed(f"there is no {aspect.kind} {name}", took_effect="no")
        holds = holds_in(things.tags_now(self.account, thing))
        others = [other for other, hold in holds.items() if hold.what == aspect.name and other != holder]
        if others:
            said = f"another fault ({others[0]}) has changed {aspect.name} of {name}"
            raise ActionFailed(said, "wait for its end, or `chaos rollback --scan`", took_effect="no")
        if holder not in holds:
            now = aspect.read(self.account, thing).values
            was = msgspec.json.encode({key: now.get(key) for key in wanted}).decode()
            things.hold(self.account, thing, holder, Hold(what=aspect.name, until=until, was=was))
        with after_a_change():
            aspect.write(self.account, thing, wanted)
        self.changed()

    def change_back(self, what: type, name: str, holder: str) -> None:
        aspect = aspects.OF_CAPABILITY[what]
        thing = self.thing_of(aspect.kind, name)
        if thing is None:
            return
        try:
            tags = self.tags_once_shown(thing, holder)
            if (hold := holds_in(tags).get(holder)) is not None:
                aspect.write(self.account, thing, _was(hold, name))
                things.release(self.account, thing, holder, tags)
        except NotThere:
            pass  # deleted meanwhile: there is nothing left to put right
        self.changed()

    def seen(self, what: type, name: str, settings: Iterable[str] = ()) -> Seen | None:
        aspect = aspects.OF_CAPABILITY[what]
        thing = self.thing_of(aspect.kind, name)
        if thing is None:
            return None
        asked = tuple(settings)
        try:
            return self.recent(f"{aspect.name} of {name} {asked}", lambda: aspect.read(self.account, thing, asked))
        except NotThere:
            return None

    def thing_of(self, kind: str, name: str) -> Thing | None:
        """Raises ActionFailed when that name is one of another kind."""
        group, thing = self.group(name), self.thing(name)
        if kind == "group" and group is not None:
            return Thing(kind="group", name=group.name, region=group.region, arn="", tags=group.tags)
        if thing is not None and thing.kind == kind:
            return thing
        other = thing.kind if thing is not None else "group" if group is not None else ""
        if other:
            raise ActionFailed(f"{name} is of kind {other}, not {kind}", f"choose by the label `kind: {kind}`", "no")
        return None


def _was(hold: Hold, name: str) -> Values:
    with reading_before(name):
        return msgspec.json.decode(hold.was, type=Values)
