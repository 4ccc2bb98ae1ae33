"""Configuration and secrets with their values, and `${name}` replaced by them."""

from __future__ import annotations

import json
import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from chaos.model.chaostoolkit import ToolkitExperiment
from chaos.model.errors import BadInput, Refused

_WHOLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<bare>[A-Za-z_]\w*))")


@dataclass(frozen=True)
class Values:
    """What activities get. `secrets` is by group."""

    configuration: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def filled(self, data: Any) -> Any:
        """The data with every `${name}` replaced, by string.Template's rules; the configuration wins over secrets.

        Text that is nothing but one placeholder becomes the value itself, of whatever type; unknown names stay.
        """
        if isinstance(data, dict):
            return {key: self.filled(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.filled(value) for value in data]
        return self._text(data) if isinstance(data, str) and "$" in data else data

    def flat_secrets(self, groups: tuple[str, ...]) -> dict[str, Any]:
        """The named groups merged into one mapping, as a function gets them."""
        return {name: value for group in groups for name, value in self.secrets.get(group, {}).items()}

    def _text(self, text: str) -> Any:
        known = ChainMap(self.configuration, *self.secrets.values())
        whole = _WHOLE.fullmatch(text)
        if whole:
            return known.get(whole["braced"] or whole["bare"], text)
        return Template(text).safe_substitute(known)


def resolve(
    experiment: ToolkitExperiment, overrides: Mapping[str, str], ask: Callable[[dict[str, Any], Values], Any]
) -> Values:
    """Everything the experiment names, from the environment, from a Vault, and by `ask`ing probes.

    `overrides` (--var NAME[:TYPE]=VALUE) win over the file. Raises BadInput for what is not set, and Refused for what
    cannot be asked: the original would leave it out and run with the placeholder.
    """
    values = Values()
    given = {name: (kind, text) for name, kind, text in map(_typed, overrides.items())}
    dynamic: dict[str, dict[str, Any]] = {}
    for name, value in experiment.configuration.items():
        if name in given:
            continue
        if isinstance(value, dict) and value.get("type") == "env" and "key" in value:
            values.configuration[name] = _from_environment(f"configuration {name}", value)
        elif isinstance(value, dict) and value.get("type") == "probe" and "provider" in value:
            dynamic[name] = value
        else:
            values.configuration[name] = value
    for name, (kind, text) in given.items():
        values.configuration[name] = _converted(f"--var {name}", text, kind)
    for group, secrets in experiment.secrets.items():
        values.secrets[group] = {
            name: _secret(f"secret {group}.{name}", value, values.configuration) for name, value in secrets.items()
        }
    for name, value in dynamic.items():
        values.configuration[name] = ask({**value, "name": value.get("name") or name}, values)
    return values


def unset(experiment: ToolkitExperiment) -> list[str]:
    """The environment variables that the experiment needs and that are not set here."""
    groups = [experiment.configuration, *experiment.secrets.values()]
    wanted = [value for group in groups for value in group.values() if isinstance(value, dict)]
    keys = [
        str(each["key"]) for each in wanted if each.get("type") == "env" and "key" in each and "default" not in each
    ]
    return [key for key in keys if key not in os.environ]


def _from_environment(what: str, value: dict[str, Any]) -> Any:
    key, kind = str(value["key"]), value.get("env_var_type")
    if key not in os.environ:
        if "default" not in value:
            raise BadInput(f"{what}: the environment variable {key} is not set", f"set it: export {key}=...")
        default = value["default"]
        return _converted(what, default, kind) if isinstance(default, str) else default
    return _converted(what, os.environ[key], kind)


def _secret(what: str, value: Any, configuration: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("type") == "env" and "key" in value:
        key = str(value["key"])
        if key not in os.environ:
            raise BadInput(f"{what}: the environment variable {key} is not set", f"set it: export {key}=...")
        return os.environ[key]
    if value.get("type") == "vault" and "path" in value:
        from chaos.chaostoolkit.vault import read_vault  # it brings an HTTP client with it

        return read_vault(what, str(value["path"]), value.get("key"), configuration)
    return {name: _secret(f"{what}.{name}", item, configuration) for name, item in value.items()}


def _typed(pair: tuple[str, str]) -> tuple[str, str, str]:
    name, _, kind = pair[0].partition(":")
    return name, kind, pair[1]


def _converted(what: str, text: str, kind: str | None) -> Any:
    """Text as the type that the file or the option names; without one it stays text."""
    try:
        if kind in (None, "", "str", "string"):
            return text
        if kind in ("int", "integer"):
            return int(text)
        if kind in ("float", "number"):
            return float(text)
        if kind == "bytes":
            return text.encode()
        if kind in ("bool", "boolean"):
            return text.lower() not in ("false", "0", "no")
        if kind == "json":
            return json.loads(text) if text else text
    except ValueError as error:
        raise BadInput(f"{what}: its value is not of the type {kind}", "check the value that was given") from error
    raise BadInput(f"{what}: there is no type {kind!r}", "str, int, float, bytes, bool or json")


def refused_value(name: str, why: str) -> Refused:
    """A configuration value that had to be asked for, and could not be."""
    return Refused(f"configuration {name}: its probe gave no value: {why}", "nothing was done to the system")
