"""A Chaos Toolkit experiment as its file says it: read, checked, nothing in it substituted yet."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, convert

JSON = Any
"""What a file may hold as a value; `${name}` in it is replaced when an activity is called."""

HYPOTHESIS_STRATEGIES = (
    "default",
    "before-method-only",
    "after-method-only",
    "during-method-only",
    "continuously",
    "continously",
    "skip",
)
ROLLBACK_STRATEGIES = ("default", "always", "never", "deviated")


class PythonCall(Struct, frozen=True, kw_only=True, tag_field="type", tag="python"):
    """A function of a module of the user's; `secrets` names the groups that it gets."""

    module: str
    func: str = ""
    arguments: dict[str, JSON] = {}
    secrets: tuple[str, ...] = ()
    timeout: JSON = None


class ProcessCall(Struct, frozen=True, kw_only=True, tag_field="type", tag="process"):
    """A command; with `arguments` as one text it goes through a shell."""

    path: str
    arguments: JSON = None
    timeout: JSON = None


class HttpCall(Struct, frozen=True, kw_only=True, tag_field="type", tag="http"):
    """A request; `arguments` are the query of a GET and the body of anything else."""

    url: str
    method: str = "GET"
    headers: dict[str, JSON] = {}
    arguments: JSON = None
    timeout: JSON = None
    verify_tls: bool = True
    max_retries: int = 0


Provider = PythonCall | ProcessCall | HttpCall


class Pauses(Struct, frozen=True, kw_only=True):
    """Seconds, or `${name}`."""

    before: JSON = None
    after: JSON = None


class Activity(Struct, frozen=True, kw_only=True):
    """A probe or an action. `raw` is its mapping in the file, which controls see and may change."""

    name: str
    type: Literal["probe", "action"] = "probe"
    provider: Provider
    background: bool = False
    pauses: Pauses = Pauses()
    timeout: JSON = None
    tolerance: JSON = None
    controls: tuple[Control, ...] = ()
    dry: JSON = None
    raw: dict[str, JSON] = {}

    @staticmethod
    def of(raw: dict[str, JSON]) -> Activity:
        """From its mapping. Raises msgspec.ValidationError for one that a control has spoilt."""
        given = {key: value for key, value in raw.items() if value is not None}
        return convert({**given, "raw": raw}, Activity)


class Control(Struct, frozen=True, kw_only=True):
    """Code around the experiment or a part of it. `scope` "" is both sides."""

    name: str
    provider: PythonCall
    scope: str = ""
    automatic: bool = True


class Hypothesis(Struct, frozen=True, kw_only=True):
    title: str = ""
    probes: tuple[Activity, ...] = ()
    controls: tuple[Control, ...] = ()
    raw: dict[str, JSON] = {}


class ToolkitExperiment(Struct, frozen=True, kw_only=True):
    """`rollback_strategy` and `hypothesis_strategy` are the file's own words, "" where it has none."""

    title: str
    description: str
    hypothesis: Hypothesis
    method: tuple[Activity, ...]
    rollbacks: tuple[Activity, ...]
    controls: tuple[Control, ...] = ()
    configuration: dict[str, JSON] = {}
    secrets: dict[str, dict[str, JSON]] = {}
    hypothesis_strategy: str = ""
    rollback_strategy: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    raw: dict[str, JSON] = {}

    @property
    def actions(self) -> tuple[Activity, ...]:
        return tuple(item for item in self.method if item.type == "action")
