"""How plug-ins are described, and that the descriptions are true."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from chaos.catalog import Catalog
from chaos.spec import read_experiment
from chaos.spec.describe import Description, describe, first_sentence, in_words, listing, reference_page
from chaos.spec.plugins import Role
from tests.unit.spec.fakes import PLUGINS

ROOT = Path(__file__).resolve().parents[3]
ROLES: tuple[Role, ...] = get_args(Role)


def test_parameters_are_named_and_valued_as_they_are_written() -> None:
    rows = {each.key: (each.words, each.default) for each in describe(PLUGINS, "fault", "everything").parameters}
    assert rows["hold"] == ("a duration, e.g. 30s", "1s")
    assert rows["loss"] == ("a share, e.g. 99.9%", "50%")
    assert rows["mode"] == ("one of soft, hard", "soft")
    assert rows["maybe"] == ("a duration, e.g. 30s", "none")
    assert rows["waits"] == ("a list, each a duration, e.g. 30s", "[]")
    assert rows["nested"][0] == "a mapping of burst, note"
    assert len(rows) == 15


def test_bounds_are_told_in_the_unit_of_the_parameter() -> None:
    delay, _ = describe(PLUGINS, "fault", "latency").parameters
    assert (delay.words, delay.default) == ("a duration, e.g. 250ms (above 0ms)", None)


def test_the_listing_says_of_each_what_it_is() -> None:
    assert listing(PLUGINS, "fault").splitlines()[1:] == [
        "kill        The process dies.",
        "latency     Answers come late.",
    ]
    assert first_sentence("One. Two.\n\nThree.") == "One."
    assert "must be given" in in_words(describe(PLUGINS, "fault", "latency"))


@pytest.mark.parametrize("role", ROLES)
def test_every_installed_plug_in_can_be_described_with_an_example(role: Role) -> None:
    catalog = Catalog()
    kinds = catalog.names(f"{role}s")
    assert kinds
    for kind in kinds:
        description = describe(catalog, role, kind)
        assert description.summary.endswith("."), f"{kind} needs a docstring whose first sentence says what it does"
        assert kind in description.example


def test_the_catalogues_page_is_the_one_that_is_generated() -> None:
    written = (ROOT / "docs" / "reference" / "catalog.md").read_text()
    assert written == reference_page(Catalog()), "python -m chaos.catalog docs > docs/reference/catalog.md"


@pytest.mark.parametrize("role", ROLES)
def test_every_example_can_be_pasted_into_an_experiment(role: Role) -> None:
    catalog = Catalog()
    for kind in catalog.names(f"{role}s"):
        read_experiment(_experiment_with(describe(catalog, role, kind), catalog), "x.yaml", catalog)


def _experiment_with(plugin: Description, catalog: Catalog) -> str:
    """The example of a plug-in in an experiment whose one objective is called as text is in examples."""
    probe = plugin.example if plugin.role == "probe" else "probe: {load_ratio: {request: home}}"
    measures = catalog.probe(plugin.kind).measures if plugin.role == "probe" else "share"
    target = {"share": ">= 99%", "milliseconds": "< 1s", "number": "< 5"}[measures]
    lines = ["apiVersion: chaos/v1", "kind: Experiment", "name: x", "hypothesis: y"]
    lines += ["load: {locustfile: viewers, users: 3}", "steadyState:", "  - name: TEXT"]
    lines += [f"    {probe}", f'    target: "{target}"']
    if plugin.role == "fault":
        kind = catalog.fault(plugin.kind).target_kind
        lines += ["method:", f"  - {plugin.example}", f"    target: {{{kind}: {{name: a}}}}", "    duration: 1s"]
    if plugin.role == "guardrail":
        lines += ["guardrails:", f"  {plugin.example}"]
    return "\n".join(lines)
