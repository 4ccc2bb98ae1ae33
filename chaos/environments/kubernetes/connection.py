"""One cluster's API: the only importer of the client package, which brings kubeconfig, TLS and credentials.

Answers are read as bytes and decoded into our own structs (objects.py). The client's own decoder builds every field of
every object: a hundred times the work, and ten times the memory, of the few that are looked at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from chaos.environments.kubernetes import answers, paging
from chaos.environments.kubernetes.key_files import key_folder
from chaos.environments.kubernetes.paging import Query
from chaos.model.errors import BadInput

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

_FIRST_WORDS = 2048
_PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_IN_CLUSTER = "(this cluster)"

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; `patience_seconds` of 0 means the environment's own, `once` that it is not sent a second time."""

    method: str
    path: str
    body: object = None
    query: Query = field(default_factory=dict)
    content_type: str = "application/json"
    accept: str = "application/json"
    patience_seconds: float = 0.0
    once: bool = False

    @property
    def again(self) -> bool:
        return self.method == "GET" and not self.once


class Cluster:
    """Requests to one cluster. Safe to use from several threads; connects with the first request."""

    def __init__(self, context: str, region: str, kubeconfig: str, patience_seconds: float) -> None:
        self.context = context
        self.region = region
        self._kubeconfig = kubeconfig
        self._patience = patience_seconds
        self._connecting = threading.Lock()
        self._made: ApiClient | None = None

    @property
    def words(self) -> str:
        return "this cluster" if self.context == _IN_CLUSTER else f"cluster {self.context!r}"

    @property
    def client(self) -> ApiClient:
        """The client package's own object, for what needs more than requests (exec, port-forward)."""
        with self._connecting:
            if self._made is None:
                self._made = _connect(self.context, self._kubeconfig)
            return self._made

    @property
    def server(self) -> str:
        return str(self.client.configuration.host)

    def get(self, path: str, of: type[Decoded], query: Query | None = None) -> Decoded:
        """Read one object. Raises answers.NotThere when there is none."""
        return msgspec.json.decode(self.send(Request(method="GET", path=path, query=query or {})), type=of)

    def find(self, path: str, of: type[Decoded]) -> Decoded | None:
        """Read one object, None when there is none."""
        try:
            return self.get(path, of)
        except answers.NotThere:
            return None

    def every(self, path: str, of: type[Decoded], query: Query | None = None, partial: bool = False) -> list[Decoded]:
        """All objects of a list, fetched page by page; with `partial` only their metadata travels."""
        accept = _PARTIAL if partial else "application/json"

        def read(asked: Query, begun: Callable[[bytes], None]) -> bytes:
            return self._read(Request(method="GET", path=path, query=asked, accept=accept), begun)

        return paging.every(read, of, query or {})

    def patch(self, path: str, body: object) -> bytes:
        """A JSON merge patch: null deletes, lists are replaced."""
        return self.send(Request(method="PATCH", path=path, body=body, content_type="application/merge-patch+json"))

    def create(self, path: str, body: object) -> bytes:
        return self.send(Request(method="POST", path=path, body=body))

    def delete(self, path: str, body: object = None) -> None:
        """Raises answers.NotThere when it is gone already, Conflict when a precondition in the body does not hold."""
        self.send(Request(method="DELETE", path=path, body=body))

    def send(self, request: Request) -> bytes:
        """The body of a good answer. Raises answers.ApiFailed, which says what is known about the effect."""
        status, data = self.ask(request)
        if not 200 <= status < 300:
            raise answers.failed(f"{request.method} {request.path}", self.words, status, data)
        return data

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body, whatever the status. Raises answers.Unreachable when nothing came back."""
        with self._reaching():
            answer = self._answer(request, whole=True)
            return int(answer.status), bytes(answer.data)

    def _read(self, request: Request, begun: Callable[[bytes], None]) -> bytes:
        """As `send`; `begun` is told the first words of a good answer while the rest is on its way."""
        with self._reaching():
            answer = self._answer(request, whole=False)
            status, first = int(answer.status), bytes(answer.read(_FIRST_WORDS))
            if 200 <= status < 300:
                begun(first)
            data = first + bytes(answer.read())
            answer.release_conn()
        if not 200 <= status < 300:
            raise answers.failed(f"{request.method} {request.path}", self.words, status, data)
        return data

    def _answer(self, request: Request, *, whole: bool) -> BaseHTTPResponse:
        import urllib3  # the client's own; only now

        configuration = self.client.configuration
        credentials = {
            str(each["key"]): str(each["value"])
            for each in configuration.auth_settings().values()
            if each["in"] == "header"
        }
        query = f"?{urlencode(dict(request.query))}" if request.query else ""
        kinds = {"Content-Type": request.content_type, "Accept": request.accept, "User-Agent": "steadfast"}
        answer: BaseHTTPResponse = self.client.rest_client.pool_manager.request(
            request.method,
            f"{configuration.host}{quote(request.path, safe='/:')}{query}",
            body=None if request.body is None else msgspec.json.encode(request.body),
            headers={**kinds, **credentials},
            timeout=urllib3.Timeout(total=request.patience_seconds or self._patience),
            # Once more where that is safe: a kept connection may have been closed meanwhile.
            retries=urllib3.Retry(total=1 if request.again else 0, redirect=0, status=0),
            preload_content=whole,
        )
        return answer

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Translates what the client raises when nothing comes back, or not all of it."""
        import urllib3

        try:
            yield
        except urllib3.exceptions.HTTPError as error:
            raise answers.unreachable(self.words, str(self.client.configuration.host), _why(error)) from error


def clusters_of(kubeconfig: str, contexts: list[tuple[str, str]], patience_seconds: float) -> list[Cluster]:
    """The clusters of (context, region) pairs; with none, the kubeconfig's current context or where we run.

    Raises BadInput for a kubeconfig that cannot be read and for a context that is not in it.
    """
    if not contexts and not kubeconfig and runs_inside() and not os.path.exists(kubeconfig_path("")):
        return [Cluster(_IN_CLUSTER, "", "", patience_seconds)]
    path = kubeconfig_path(kubeconfig)
    if any(name == _IN_CLUSTER for name, _ in contexts):
        return [Cluster(name, region, "", patience_seconds) for name, region in contexts]
    known, current = _contexts_in(path)
    for name, _ in contexts:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise BadInput(f"there is no context {name!r} in {path}", f"there are: {there}")
    chosen = contexts or [(current, "")]
    return [Cluster(name, region, path, patience_seconds) for name, region in chosen]


def kubeconfig_path(given: str) -> str:
    """What is given, else KUBECONFIG, else ~/.kube/config; absolute, so that another process finds the same."""
    text = given or os.environ.get("KUBECONFIG") or "~/.kube/config"
    parts = [os.path.abspath(os.path.expanduser(part)) for part in text.split(os.pathsep) if part]
    return os.pathsep.join(parts)


def runs_inside() -> bool:
    """Whether this process runs in a pod."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


def _contexts_in(path: str) -> tuple[set[str], str]:
    config = _config()
    try:
        contexts, current = config.list_kube_config_contexts(config_file=path)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _unusable(path, error) from error
    return {str(each["name"]) for each in contexts}, str(current["name"])


def _connect(context: str, path: str) -> ApiClient:
    config = _config()
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    configuration.connection_pool_maxsize = 32
    try:
        if context == _IN_CLUSTER:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(
                config_file=path,
                context=context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=key_folder(),
            )
    except (config.ConfigException, OSError, ValueError) as error:
        raise _unusable(path, error) from error
    return ApiClient(configuration)


def _config() -> Any:
    try:
        from kubernetes import config
    except ImportError as error:
        raise BadInput(
            f"the kubernetes client is not installed: {error}", "pip install 'steadfast-chaos[kubernetes]'"
        ) from error
    return config


def _unusable(path: str, error: Exception) -> BadInput:
    hint = "name one with `kubeconfig` under settings, or in KUBECONFIG; see `kubectl config get-contexts`"
    return BadInput(f"the kubeconfig {path or 'of this pod'} cannot be used: {error}", hint)


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition(": ")[2] or type(reason).__name__
