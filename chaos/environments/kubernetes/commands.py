"""helm and kubectl as child processes, for what a person would do with them: install, look, uninstall.

Faults and inventory speak to the API themselves; this is only for bringing the bundled platform up and down.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from shutil import which
from typing import Any

import msgspec
from msgspec import Struct

from chaos.environments.kubernetes.settings import Settings
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, BadInput, Refused

INSTALL = {
    "helm": "https://helm.sh/docs/intro/install says how to install it",
    "kubectl": "https://kubernetes.io/docs/tasks/tools says how to install it",
}
_KEYS = {field.encode_name for field in msgspec.structs.fields(Settings)}
_UNREACHABLE = ("connection refused", "no such host", "i/o timeout", "unable to connect", "cluster unreachable")


class Commands(Struct, frozen=True, kw_only=True):
    """Where to: the namespace, and the context of the kubeconfig (both may be empty: kubectl's own defaults)."""

    namespace: str
    context: str = ""
    kubeconfig: str = ""

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What it prints. Raises as `_run` does."""
        which_cluster = _options(kubeconfig=self.kubeconfig, context=self.context)
        return _run(["kubectl", *which_cluster, "--namespace", self.namespace, *arguments], stdin)

    def get(self, *arguments: str) -> Any:
        """Decoded JSON of `kubectl get`; of a list its items."""
        answer = msgspec.json.decode(self.kubectl("get", *arguments, "--output", "json"))
        return answer["items"] if answer.get("kind") == "List" else answer

    def helm(self, *arguments: str) -> str:
        """What it prints. Raises as `_run` does."""
        which_cluster = _options(kubeconfig=self.kubeconfig, kube_context=self.context)
        return _run(["helm", *which_cluster, "--namespace", self.namespace, *arguments])


def commands_for(ref: EnvironmentRef) -> Commands:
    """Raises BadInput for several clusters or namespaces: the platform is installed into one."""
    try:
        settings = msgspec.convert({key: value for key, value in ref.settings.items() if key in _KEYS}, Settings)
    except msgspec.ValidationError as error:
        raise BadInput(f"the settings of environment {ref.name} cannot be used: {error}") from error
    own = settings.contexts[0].namespaces if settings.contexts else ()
    namespaces = own or settings.namespaces
    if len(settings.contexts) > 1 or len(namespaces) > 1:
        raise BadInput(
            "the platform is brought up in one namespace of one cluster, and this environment has several",
            "write an environment file with one of each for it",
        )
    context = settings.contexts[0].name if settings.contexts else ""
    return Commands(namespace=namespaces[0], context=context, kubeconfig=settings.kubeconfig)


def _options(**values: str) -> list[str]:
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in values.items() if value)
    return [part for pair in pairs for part in pair]


def _run(command: Sequence[str], stdin: str = "") -> str:
    """Raises BadInput (not installed, no such context), Refused (no cluster, no rights) or ActionFailed."""
    if which(command[0]) is None:
        raise BadInput(f"{command[0]} is not installed, or not on the PATH", INSTALL[command[0]])
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    said = _last_words(done.stderr)
    low = said.lower()
    if "context" in low and ("does not exist" in low or "not found" in low or "no context exists" in low):
        raise BadInput(f"{command[0]}: {said}", "`kubectl config get-contexts` lists those there are")
    if any(words in low for words in _UNREACHABLE):
        hint = "`kubectl cluster-info` must work first; KUBECONFIG or the environment file say which cluster is meant"
        raise Refused(f"no cluster answers: {said}", hint)
    if "forbidden" in low or "unauthorized" in low:
        raise Refused(f"the cluster does not allow it: {said}", "ask for these rights, or for a namespace of your own")
    raise ActionFailed(f"{command[0]} failed: {said}")


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and "WARNING" not in line]
    return " ".join(lines[-6:]).removeprefix("Error: ").removeprefix("error: ") or "it did not say why"
