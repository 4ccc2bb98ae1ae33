"""Files as they are found in public are read unchanged; slips are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.spec import BadFile
from chaos.spec.chaostoolkit import is_chaostoolkit, read_chaostoolkit

YAML = """---
title: Does the shop sell while a replica dies?
description: >-
  One replica of two goes.
tags: [k8s, shop]
configuration:
  ns: {type: env, key: SHOP_NS, default: shop}
  container-port-whitelist: [22, 2222]
  since: 2024-01-31
secrets:
  k8s: {KUBERNETES_CONTEXT: minikube}
defaults: &quick
  timeout: 3
  verify_tls: no
steady-state-hypothesis:
  title: The shop sells
  probes:
  - type: probe
    name: front-page-answers
    tolerance: [200, 301, 302]
    provider: {<<: *quick, type: http, url: "http://${host}/"}
  - ref: pods-are-ready
method:
- type: probe
  name: pods-are-ready
  tolerance: true
  provider: {type: python, module: chaosk8s.pod.probes, func: pods_in_phase, arguments: {ns: "${ns}"}}
- name: terminate-one
  type: action
  background: yes
  pauses: {before: 1, after: "${wait}"}
  provider:
    type: python
    module: chaosk8s.pod.actions
    func: terminate_pods
    secrets: [k8s]
    config: [ns]
    arguments: {label_selector: app=shop, rand: true, mode: percentage, qty: 50}
- {ref: pods-are-ready}
rollbacks: []
"""


def test_yaml_means_what_pyyaml_makes_of_it() -> None:
    read = read_chaostoolkit(YAML, "shop.yaml")
    front, ready = read.hypothesis.probes
    assert (front.provider.timeout, getattr(front.provider, "verify_tls", None)) == (3, False), "merged, and `no`"
    assert [activity.name for activity in read.method] == ["pods-are-ready", "terminate-one", "pods-are-ready"]
    assert ready.provider == read.method[0].provider
    assert read.method[1].background is True
    assert read.configuration["since"] == "2024-01-31"
    assert [note.split(":")[1] for note in read.notes] == [' an experiment has no key "defaults" It means nothing here']


def test_json_may_be_indented_with_tabs_and_keeps_its_numbers() -> None:
    text = '{\n\t"title": "t", "description": "d",\n\t"configuration": {"rate": 1e5},\n\t"method": []\n}'
    assert read_chaostoolkit(text, "e.json").configuration == {"rate": 100000.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("steady-state-hypothesis:", "steady-state-hypotesis:"), ['did you mean "steady-state-hypothesis"']),
        (("rollbacks:", "rollback:"), ['did you mean "rollbacks"']),
        (("tolerance: [200", "tollerance: [200"), ['did you mean "tolerance"']),
        (("    func: terminate", "    function: terminate"), ["needs the key `func`"]),
        (("type: python\n    module", "type: pyton\n    module"), ['did you mean "python"']),
        (("background: yes", "background: soon"), ["expected true or false"]),
        (("pauses: {before: 1,", "pauses: {befor: 1,"), ['did you mean "before"']),
        (("- {ref: pods-are-ready}", "- {ref: pods-are-redy}"), ['did you mean "pods-are-ready"']),
        (("tolerance: [200, 301, 302]", "tolerance: 0.5"), ["write a range"]),
        (("tolerance: [200, 301, 302]", "tolerance: {type: regexp, pattern: x}"), ['did you mean "regex"']),
        (("tolerance: [200, 301, 302]", "tolerance: {type: regex, pattern: '('}"), ["no regular expression"]),
        (("tolerance: [200, 301, 302]", "tolerance: {type: jsonpath, path: '$.[?'}"), ["no JSON path"]),
        (("tolerance: [200, 301, 302]", "x-note: none"), ["needs the key `tolerance`"]),
        (("title: Does", "titel: Does"), ['did you mean "title"']),
        (("secrets: [k8s]", "secrets: k8s"), ["expected a list"]),
    ],
)
def test_a_slip_has_its_place_and_what_was_meant(change: tuple[str, str], says: list[str]) -> None:
    assert change[0] in YAML
    with pytest.raises(BadFile) as told:
        read_chaostoolkit(YAML.replace(*change), "shop.yaml")
    if "needs" not in says[0]:  # what is missing has the place of the whole
        line = YAML.replace(*change).split(change[1])[0].count("\n") + 1
        assert f"shop.yaml:{line}:" in str(told.value)
    for words in says:
        assert words in str(told.value)


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = YAML.replace("background: yes", "background: soon").replace("rollbacks:", "rollback:")
    with pytest.raises(BadFile, match="2 problems"):
        read_chaostoolkit(text, "shop.yaml")


@pytest.mark.parametrize("text", ["", "[", "- a", "a: &a [*a]", "a: [" * 60, '{"a": }', "title: t\ndescription: d"])
@pytest.mark.parametrize("name", ["e.json", "e.yaml"])
def test_whatever_cannot_be_read_is_a_problem_and_no_crash(text: str, name: str) -> None:
    with pytest.raises(BadFile):
        read_chaostoolkit(text, name)


def test_an_alias_bomb_is_stopped() -> None:
    bomb = "title: t\ndescription: d\nmethod: []\na0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
    )
    with pytest.raises(BadFile, match="more than"):
        read_chaostoolkit(bomb, "e.yaml")


def test_its_shape_tells_it_from_ours(tmp_path: Path) -> None:
    def shape(name: str, text: str) -> bool:
        (tmp_path / name).write_text(text)
        return is_chaostoolkit(tmp_path / name)

    assert shape("a.yaml", YAML)
    assert shape("b.json", '{"title": "t", "description": "d"}')
    assert shape("c.json", '{"title": ]'), "ours are never JSON"
    assert not shape("d.yaml", "apiVersion: chaos/v1\nkind: Experiment\ntitle: x\nmethod: []\ndescription: y\n")
    assert not shape("e.yaml", "kind: Experiment\nname: x\n"), "ours, with a key that is missing"
