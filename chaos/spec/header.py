"""The two keys every file begins with."""

from __future__ import annotations

from chaos.spec import suggest
from chaos.spec.document import MappingNode, shown
from chaos.spec.problems import Wrong

API_VERSION = "chaos/v1"
KINDS = {
    "Experiment": "`chaos run FILE` runs an experiment",
    "Environment": "an environment is chosen with --env FILE",
    "GameDay": "`chaos gameday run FILE` runs a game day",
    "Objectives": "`chaos objectives rules FILE` makes alerts of objectives",
}
_IN_WORDS = {
    "Experiment": "an experiment",
    "Environment": "an environment",
    "GameDay": "a game day",
    "Objectives": "a file of objectives",
}


def kind_of(document: MappingNode) -> str:
    """What the file says it is; "" when it does not."""
    return getattr(document.get("kind"), "text", "")


def header(document: MappingNode, expected: str) -> None:
    """Raises Wrong when the file is of another version or kind: reading it as this one would only give followers."""
    version = document.get("apiVersion")
    if version is None:
        raise Wrong.at(document.mark, "the key `apiVersion` is missing", f"begin with apiVersion: {API_VERSION}")
    if getattr(version, "text", "") != API_VERSION:
        raise Wrong.at(version.mark, f"this reads apiVersion {API_VERSION}, the file has {shown(version)}")
    kind = document.get("kind")
    if kind is None:
        raise Wrong.at(document.mark, "the key `kind` is missing", f"add kind: {expected}")
    found = kind_of(document)
    if found in KINDS and found != expected:
        raise Wrong.at(kind.mark, f"this is {_IN_WORDS[found]}, expected {_IN_WORDS[expected]}", KINDS[found])
    if found != expected:
        raise Wrong.at(kind.mark, f"{shown(kind)} is no kind of file", suggest.hint(found, KINDS))
