"""Probes and actions, their providers, and what controls may stand on them."""

from __future__ import annotations

import re
from typing import Any

from chaos.spec import suggest
from chaos.spec.chaostoolkit.document import Document
from chaos.spec.chaostoolkit.tolerance import check_tolerance
from chaos.spec.document import MappingNode, Node, ScalarNode, SequenceNode, is_null, shown
from chaos.spec.fields import Fields, sequence
from chaos.spec.problems import Problem, Wrong
from chaos.spec.values import one_of, text

_PROVIDERS = {
    "python": ("module", "func", "arguments", "secrets", "config", "configuration", "timeout"),
    "process": ("path", "arguments", "timeout", "secrets", "config"),
    "http": ("url", "method", "headers", "arguments", "timeout", "verify_tls", "max_retries", "secrets", "config"),
}
_ACTIVITY = ("description", "title", "tags", "secrets", "configuration", "contributions", "extensions", "dry")
_VARIABLE = re.compile(r"\$\{[^}]+\}")


class Shape:
    """Checks the parts of one file. `lenient` lets misspelt keys pass as the original does; `notes` tells of them."""

    def __init__(self, document: Document, lenient: bool) -> None:
        self.document = document
        self.lenient = lenient
        self.notes: list[str] = []

    def fields(self, node: Node, what: str, known: tuple[str, ...]) -> Fields:
        """The fields of a mapping where unknown keys are let pass, unless one looks like a slip of a known one.

        `known` are all keys that mean something here, read or not.
        """
        fields = Fields(node, what)
        fields.allow(*known)
        given = [key for key, _ in fields.node.entries]
        free = [key for key in known if key not in {each.text for each in given}]
        for key in given:
            if key.text in known:
                continue
            near = suggest.closest(key.text, free)
            if near is None or self.lenient:
                fields.allow(key.text)
                meant = f', did you mean "{near}"?' if near else ""
                self.notes.append(f"line {key.mark.line}: {what} has no key {shown(key)}{meant} It means nothing here")
        return fields

    def activity(self, node: Node, tolerance: bool = False) -> None:
        """A probe or an action; one of the hypothesis needs a tolerance. Raises Wrong."""
        known = ("type", "name", "provider", "tolerance", "background", "pauses", "timeout", "controls", *_ACTIVITY)
        with self.fields(node, "an activity", known) as fields:
            kind = fields.required("type", one_of("probe", "action"))
            what = kind or "activity"
            fields.required("name", text)
            fields.required("provider", self.provider)
            fields.optional("background", self._boolean, None)
            fields.optional("pauses", self._pauses, None)
            fields.optional("timeout", self.seconds, None)
            fields.optional("controls", self.controls, ())
            if tolerance and fields.node.get("tolerance") is None:
                fields.wrong(f"a {what} of the hypothesis needs the key `tolerance`", "e.g. tolerance: 200")
            elif tolerance:
                fields.optional("tolerance", self._tolerance, None)

    def provider(self, node: Node) -> None:
        if not isinstance(node, MappingNode):
            raise Wrong.at(node.mark, f"a provider must be a mapping, this is {shown(node)}")
        kind = one_of(*_PROVIDERS)(node.get("type") or ScalarNode(node.mark, "nothing", False))
        with self.fields(node, f"a {kind} provider", ("type", *_PROVIDERS[kind])) as fields:
            for key in {"python": ("module", "func"), "process": ("path",), "http": ("url",)}[kind]:
                fields.required(key, text)
            fields.optional("timeout", self._http_timeout if kind == "http" else self.seconds, None)
            if kind == "python":
                fields.optional("arguments", self._mapping, None)
                fields.optional("secrets", lambda item: sequence(item, "secrets", text), ())
            elif kind == "http":
                fields.optional("headers", self._mapping, None)
                fields.optional("verify_tls", self._boolean, None)
                fields.optional("max_retries", self._whole, None)

    def controls(self, node: Node) -> None:
        if not is_null(node):
            sequence(node, "controls", self._control)

    def seconds(self, node: Node) -> None:
        """A number of seconds, or `${name}`."""
        value = self.document.value(node)
        number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if not number and not (isinstance(value, str) and _VARIABLE.search(value)):
            raise Wrong.at(node.mark, f"expected a number of seconds, this is {shown(node)}")

    def _http_timeout(self, node: Node) -> None:
        if isinstance(node, SequenceNode):
            sequence(node, "times", self.seconds)
        else:
            self.seconds(node)

    def _tolerance(self, node: Node) -> None:
        value = check_tolerance(node, self.document)
        if isinstance(value, dict) and value.get("type") == "probe" and isinstance(node, MappingNode):
            provider = node.get("provider")
            if provider is None:
                raise Wrong.at(node.mark, "a tolerance of the type probe needs the key `provider`")
            self.provider(provider)

    def _pauses(self, node: Node) -> None:
        if is_null(node):
            return
        with self.fields(node, "pauses", ("before", "after")) as fields:
            fields.optional("before", self.seconds, None)
            fields.optional("after", self.seconds, None)

    def _control(self, node: Node) -> None:
        if isinstance(node, MappingNode) and node.get("ref") is not None:
            return
        with self.fields(node, "a control", ("name", "provider", "scope", "automatic", "ref", "type")) as fields:
            fields.required("name", text)
            fields.optional("scope", one_of("before", "after"), None)
            fields.optional("automatic", self._boolean, None)
            fields.required("provider", self._control_provider)

    def _control_provider(self, node: Node) -> None:
        with self.fields(node, "a control's provider", ("type", "module", "arguments", "secrets")) as fields:
            fields.required("type", one_of("python"))
            fields.required("module", text)

    def _boolean(self, node: Node) -> None:
        if not isinstance(self.document.value(node), bool):
            raise Wrong.at(node.mark, f"expected true or false, this is {shown(node)}")

    def _whole(self, node: Node) -> None:
        value: Any = self.document.value(node)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Wrong.at(node.mark, f"expected a whole number, this is {shown(node)}")

    def _mapping(self, node: Node) -> None:
        if not isinstance(node, MappingNode) and not is_null(node):
            raise Wrong([Problem(mark=node.mark, message=f"must be a mapping (key: value), this is {shown(node)}")])
