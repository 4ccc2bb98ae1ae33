"""What a real API server does only by accident: forget a list halfway, forbid the second of two steps, go away."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.environments.kubernetes import KubernetesEnvironment, answers
from chaos.environments.kubernetes.connection import Cluster, clusters_of
from chaos.environments.kubernetes.objects import Named
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, BadInput, Refused
from chaos.model.system import JSON
from tests.unit.kubernetes_environment.api import Answer, api_server, status

PODS = "/api/v1/namespaces/shop/pods"


def connected(kubeconfig: Path) -> Cluster:
    [cluster] = clusters_of(str(kubeconfig), [], 60.0)
    return cluster


def page(*names: str, more: str = "") -> Answer:
    return 200, {"metadata": {"continue": more}, "items": [{"metadata": {"name": name}} for name in names]}


def test_a_list_is_read_page_by_page(tmp_path: Path) -> None:
    def answer(method: str, path: str) -> Answer:
        return page("b") if "continue=x" in path else page("a", more="x")

    with api_server(tmp_path, answer) as kubeconfig:
        assert [each.metadata.name for each in connected(kubeconfig).every(PODS, Named)] == ["a", "b"]


def test_a_list_whose_moment_is_forgotten_is_begun_again_and_nothing_is_listed_twice(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(method: str, path: str) -> Answer:
        asked.append(path)
        if "continue" in path:
            return status(410, "The provided continue parameter is too old")
        return page("a", "b", "c") if "limit" not in path else page("a", more="x")

    with api_server(tmp_path, answer) as kubeconfig:
        assert [each.metadata.name for each in connected(kubeconfig).every(PODS, Named)] == ["a", "b", "c"]
    assert len(asked) == 5, "twice in pages, at last in one piece"


def test_rights_that_end_halfway_leave_what_is_known_of_the_effect(tmp_path: Path) -> None:
    def answer(method: str, path: str) -> Answer:
        if method == "DELETE":
            return status(403, 'pods "web" is forbidden: User "x" cannot delete resource "pods" in API group ""')
        return 200, {"metadata": {"name": "web", "uid": "1"}}

    with api_server(tmp_path, answer) as kubeconfig:
        environment = opened(kubeconfig)
        with pytest.raises(ActionFailed, match='cannot delete resource "pods"') as caught:
            environment.kill_once({"uid": "1", "node": "n", "pod": "web"})
    assert caught.value.took_effect == "no"
    assert "environments rbac" in caught.value.hint


def test_an_act_of_several_steps_whose_later_ones_are_forbidden_must_be_undone(tmp_path: Path) -> None:
    """The policy is written, labelling the pod is not allowed: "no effect" would leave the policy there for good."""
    done: list[str] = []

    def answer(method: str, path: str) -> Answer:
        done.append(f"{method} {path.partition('?')[0]}")
        if method == "PATCH":
            return status(403, 'cannot patch resource "pods"')
        return (
            page()
            if path.partition("?")[0].endswith("policies")
            else (
                200,
                {"metadata": {"name": "p", "uid": "1"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}},
            )
        )

    with api_server(tmp_path, answer) as kubeconfig:
        environment = opened(kubeconfig)
        with pytest.raises(ActionFailed, match='cannot patch resource "pods"') as caught:
            environment.isolate([{"uid": "1", "node": "n", "pod": "p"}], "run/1", False, 9e9)
    assert any(each.startswith("POST") for each in done)
    assert caught.value.took_effect == "unknown"


@pytest.mark.parametrize(
    ("code", "kind", "effect", "says"),
    [
        (401, answers.ApiFailed, "no", "does not accept these credentials: Unauthorized"),
        (403, answers.ApiFailed, "no", "forbids it: Unauthorized"),
        (404, answers.NotThere, "no", "404"),
        (409, answers.Conflict, "no", "409"),
        (429, answers.Blocked, "no", "429"),
        (500, answers.ApiFailed, "unknown", "500"),
    ],
)
def test_answers_are_translated_once(code: int, kind: type, effect: str, says: str) -> None:
    error = answers.failed("GET /x", "cluster 'c'", code, b'{"message": "Unauthorized"}')
    assert type(error) is kind
    assert (error.took_effect, error.status) == (effect, code)
    assert says in error.message


def test_an_answer_that_is_no_json_is_told_as_it_is() -> None:
    assert "<html>" in answers.failed("GET /x", "c", 502, b"<html>bad gateway").message


def test_no_answer_means_that_nobody_knows_what_was_done(tmp_path: Path) -> None:
    with api_server(tmp_path, lambda method, path: (200, {})) as kubeconfig:
        pass  # it is gone now
    with pytest.raises(answers.Unreachable, match=r"does not answer at http://127\.0\.0\.1:") as caught:
        connected(kubeconfig).patch(PODS, {})
    assert caught.value.took_effect == "unknown"


def test_a_cluster_that_forbids_a_list_refuses_the_plan_and_does_not_count_as_gone(tmp_path: Path) -> None:
    def answer(method: str, path: str) -> Answer:
        return status(403, 'cannot list resource "nodes"')

    with (
        api_server(tmp_path, answer) as kubeconfig,
        pytest.raises(Refused, match='cannot list resource "nodes"') as caught,
    ):
        opened(kubeconfig).inventory()
    assert type(caught.value) is Refused


def test_a_context_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    missing = pytest.raises(BadInput, match="there is no context 'moon'")
    with api_server(tmp_path, lambda method, path: (200, {})) as kubeconfig, missing as caught:
        clusters_of(str(kubeconfig), [("moon", "")], 1.0)
    assert caught.value.hint == "there are: fake"


def test_what_is_opened_names_its_context_so_that_a_rollback_finds_the_same_cluster(tmp_path: Path) -> None:
    with api_server(tmp_path, lambda method, path: page()) as kubeconfig:
        environment = opened(kubeconfig)
        assert environment.names.clusters[0].context == "fake"
    assert environment.ref.settings["contexts"] == [{"name": "fake"}]
    assert environment.ref.settings["armed"] is True


def opened(kubeconfig: Path) -> KubernetesEnvironment:
    settings: dict[str, JSON] = {"namespaces": ["shop"], "kubeconfig": str(kubeconfig), "armed": True}
    return KubernetesEnvironment(EnvironmentRef(kind="kubernetes", name="e", settings=settings))
