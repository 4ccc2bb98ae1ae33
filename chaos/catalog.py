"""Finds plug-ins: kind = a module's file name, class = the same in CamelCase. A broken one is an error, not a log line.

What is bound to a place lies in a sub-folder that is named after it, and is called `folder/file`.

Another package adds plug-ins by entry points in the groups `steadfast.faults`, `steadfast.probes` and so on: the
entry's name is the kind, its value the module ("their_package.freeze") or the class ("their_package.freeze:Freeze").
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast, get_args

import msgspec
from msgspec import Struct

from chaos.installed import PREFIX, Entry, entries
from chaos.joined import JoinedEnvironment
from chaos.model.environment import Environment, EnvironmentRef, NoSettings
from chaos.model.errors import BadInput
from chaos.model.experiment import PluginUse
from chaos.model.fault import AnyFault
from chaos.model.guardrail import Guardrail
from chaos.model.probe import LoadProbe, Probe, SampledProbe
from chaos.model.system import TargetKind

Group = Literal["faults", "probes", "guardrails", "environments", "reports"]
PACKAGES: dict[str, str] = {group: f"chaos.{group}" for group in get_args(Group)}

Values = Mapping[str, tuple[object, ...]]
_FAULT: tuple[Values, tuple[str, ...]] = (
    {"target_kind": get_args(TargetKind)},
    ("prepare", "inject", "revert", "active"),
)
_WITH_FOLDERS = ("faults", "probes")
"""Groups whose packages are folders of plug-ins; in the others a package is one plug-in of several files."""
_PROBE: Values = {"source": ("system", "load"), "measures": ("share", "milliseconds", "number")}


class BrokenPlugin(BadInput):
    """A plug-in that lacks what its protocol asks for: its file, and what is missing."""


class Catalog:
    """All plug-ins, found by looking at file names; one is imported only when it is asked for.

    `packages` maps a group to the package whose modules are its plug-ins (default: those of chaos).
    """

    def __init__(self, packages: Mapping[str, str] = PACKAGES) -> None:
        self._packages = packages
        self._places: dict[str, dict[str, Entry]] = {}
        self._types: dict[tuple[str, str], Any] = {}

    def names(self, group: str) -> tuple[str, ...]:
        """The kinds of a group, sorted. Imports none of them. Raises BrokenPlugin when two have the same name."""
        return tuple(sorted(self._of(group)))

    def fault(self, kind: str) -> type[AnyFault]:
        """A fault's type. This and the next raise BadInput for an unknown kind, BrokenPlugin for a broken one."""
        return cast(type[AnyFault], self._type("faults", kind, _fault_lacks))

    def probe(self, kind: str) -> type[SampledProbe] | type[LoadProbe]:
        return cast(type[SampledProbe] | type[LoadProbe], self._type("probes", kind, _probe_lacks))

    def guardrail(self, kind: str) -> type[Guardrail]:
        return cast(type[Guardrail], self._type("guardrails", kind, _guardrail_lacks))

    def build_fault(self, use: PluginUse) -> AnyFault:
        """A fault with its parameters, as an experiment or a journal has them. Raises BadInput."""
        return cast(AnyFault, _built(use, self.fault(use.kind)))

    def build_probe(self, use: PluginUse) -> Probe:
        return cast(Probe, _built(use, self.probe(use.kind)))

    def build_guardrail(self, use: PluginUse) -> Guardrail:
        return cast(Guardrail, _built(use, self.guardrail(use.kind)))

    def environment(self, kind: str) -> Callable[[EnvironmentRef], Environment]:
        """The `open_environment` of a kind of environment."""
        module = self.module("environments", kind)
        opening = getattr(module, "open_environment", None)
        if not callable(opening):
            raise BrokenPlugin(f"{_file_of(module)}: the environment {kind!r} has no function open_environment(ref)")
        return cast(Callable[[EnvironmentRef], Environment], opening)

    def settings(self, kind: str) -> type[Struct]:
        """The `Settings` of a kind of environment: what its file may say under `settings`. NoSettings for none."""
        module = self.module("environments", kind)
        found = getattr(module, "Settings", NoSettings)
        missing = "no class Settings" if not isinstance(found, type) else _struct_lacks(found)
        if missing:
            raise BrokenPlugin(f"{_file_of(module)}: the environment {kind!r} is broken: it has {missing}")
        return cast(type[Struct], found)

    def open_environment(self, ref: EnvironmentRef) -> Environment:
        """The environment a reference names, or the parts it has. Raises ChaosError when it cannot be opened."""
        if ref.parts:
            return JoinedEnvironment(ref, [self.open_environment(part) for part in ref.parts])
        return self.environment(ref.kind)(ref)

    def check_all(self) -> int:
        """Import and check every plug-in; returns how many there are. Raises BrokenPlugin for the first broken one."""
        checks = {"faults": self.fault, "probes": self.probe, "guardrails": self.guardrail}
        found = [check(kind) for group, check in checks.items() for kind in self.names(group)]
        opening = [(self.environment(kind), self.settings(kind)) for kind in self.names("environments")]
        return len(found) + len(opening)

    def module(self, group: str, kind: str) -> Any:
        """The module of a plug-in, imported. Raises BadInput when there is none, BrokenPlugin when that fails."""
        return _imported(self._entry(group, kind))

    def _type(self, group: str, kind: str, lacks: Callable[[type], str]) -> Any:
        if (group, kind) not in self._types:
            self._types[group, kind] = _checked(self._entry(group, kind), group.removesuffix("s"), lacks)
        return self._types[group, kind]

    def _entry(self, group: str, kind: str) -> Entry:
        known = self._of(group)
        if kind not in known:
            from chaos.spec import suggest  # only now: it is needed for the sentence alone

            raise BadInput(f'there is no {group.removesuffix("s")} "{kind}"', suggest.hint(kind, known, "known"))
        return known[kind]

    def _of(self, group: str) -> dict[str, Entry]:
        if group not in self._places:
            self._places[group] = _find(group, self._packages[group])
        return self._places[group]


def class_name(kind: str) -> str:
    """region_outage -> RegionOutage; of kubernetes/pod_delete the last part counts."""
    return "".join(word.capitalize() for word in kind.rpartition("/")[2].split("_"))


def _find(group: str, package: str) -> dict[str, Entry]:
    spec = importlib.util.find_spec(package)
    found = _modules(group, (spec.submodule_search_locations if spec else None) or [], package)
    for entry in (each for each in entries(tuple(sys.path)) if each.group == PREFIX + group):
        if entry.name in found:
            raise BrokenPlugin(
                f"two {group} are called {entry.name!r}: {found[entry.name].value} and {entry.value}",
                "uninstall one of the two packages, or rename its entry point",
            )
        found[entry.name] = entry
    return found


def _modules(group: str, folders: Iterable[str], package: str, front: str = "") -> dict[str, Entry]:
    """By their file names alone: asking Python where a sub-folder is would import what is above it."""
    found: dict[str, Entry] = {}
    for folder in folders:
        for module in pkgutil.iter_modules([folder]):
            if module.ispkg and group in _WITH_FOLDERS:
                inner = [os.path.join(folder, module.name)]
                found |= _modules(group, inner, f"{package}.{module.name}", f"{front}{module.name}/")
            elif not module.name.startswith("_"):
                name = front + module.name
                found[name] = Entry(name, f"{package}.{module.name}", PREFIX + group)
    return found


def _imported(entry: Entry) -> Any:
    try:
        return importlib.import_module(entry.module)
    except Exception as error:  # anything may go wrong in a plug-in's own code, and all of it is the plug-in's fault
        raise BrokenPlugin(
            f"{entry.module} (of {entry.group}) cannot be imported: {type(error).__name__}: {error}",
            "repair the file, or uninstall the package that brings it",
        ) from error


def _checked(entry: Entry, role: str, lacks: Callable[[type], str]) -> type:
    module = _imported(entry)
    name = entry.attr or class_name(entry.name)
    found = getattr(module, name, None)
    missing = f"no class {name}" if not isinstance(found, type) else _struct_lacks(found) or lacks(found)
    if missing:
        raise BrokenPlugin(
            f"{_file_of(module)}: the {role} {entry.name!r} is broken: it has {missing}",
            f"chaos/model/{role}.py says what a {role} needs",
        )
    return cast(type, found)


def _struct_lacks(of: type) -> str:
    if not issubclass(of, Struct) or not of.__struct_config__.frozen:
        return f"a class {of.__name__} that is no frozen msgspec Struct"
    return "" if (of.__doc__ or "").strip() else "no docstring"


def _fault_lacks(of: type) -> str:
    values, methods = _FAULT
    needs = "" if isinstance(getattr(of, "needs", None), type) else "no `needs` (a capability protocol)"
    return _values_lack(of, values) or needs or _methods_lack(of, methods)


def _probe_lacks(of: type) -> str:
    trouble = _values_lack(of, _PROBE)
    if trouble or getattr(of, "source", "") == "load":
        return trouble or _methods_lack(of, ("reduce",))
    every = "" if hasattr(of, "every_seconds") else "no field `every_seconds`"
    return every or _methods_lack(of, ("sample",))


def _guardrail_lacks(of: type) -> str:
    return _methods_lack(of, ("check",))


def _values_lack(of: type, wanted: Values) -> str:
    for name, allowed in wanted.items():
        value = getattr(of, name, None)
        if value not in allowed:
            words = ", ".join(map(repr, allowed))
            return f"no `{name}` (one of {words})" if value is None else f"the {name} {value!r}, allowed are {words}"
    return ""


def _methods_lack(of: type, names: tuple[str, ...]) -> str:
    missing = [name for name in names if not callable(getattr(of, name, None))]
    return f"no method {', '.join(missing)}" if missing else ""


def _built(use: PluginUse, of: type[Any]) -> Any:
    try:
        return msgspec.convert(use.parameters, of)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise BadInput(f"{use.kind} cannot be made of {use.parameters}: {error}") from error


def _file_of(module: Any) -> str:
    return getattr(module, "__file__", None) or str(module.__name__)


def main(arguments: list[str]) -> int:
    """`python -m chaos.catalog docs` prints docs/reference/catalog.md."""
    from chaos.spec.describe import reference_page

    if arguments != ["docs"]:
        print("usage: python -m chaos.catalog docs > docs/reference/catalog.md", file=sys.stderr)
        return 2
    print(reference_page(Catalog()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
