"""${name} inside values, and --var from outside."""

from __future__ import annotations

from chaos.model.experiment import FaultStep
from tests.unit.spec.fakes import MINIMAL, errors, read

WITH = MINIMAL.replace("service: edge", "service: '${service}-${n}'").replace("5s", "${hold}")
DECLARED = WITH + "variables: {service: edge, n: 1, hold: 5s}\n"


def hit(text: str, variables: dict[str, str] | None = None) -> tuple[tuple[str, ...], float]:
    step = read(text, variables).method[0]
    assert isinstance(step, FaultStep)
    return step.selector.labels["service"], step.duration_seconds


def test_variables_take_the_values_of_the_file() -> None:
    assert hit(DECLARED) == (("edge-1",), 5.0)


def test_a_value_from_outside_wins() -> None:
    assert hit(DECLARED, {"hold": "7s", "n": "2"}) == (("edge-2",), 7.0)


def test_a_variable_may_be_left_to_be_given_from_outside() -> None:
    assert hit(WITH + "variables: {n: 1, hold: 5s}\n", {"service": "gateway"}) == (("gateway-1",), 5.0)


def test_a_value_never_adds_structure() -> None:
    labels, _ = hit(DECLARED, {"service": "a}, region: {name: b"})
    assert labels == ("a}, region: {name: b-1",)


def test_two_dollars_mean_one() -> None:
    assert hit(MINIMAL.replace("edge", "'$${edge}'"))[0] == ("${edge}",)


def test_an_unset_variable_is_one_problem_where_it_is_used() -> None:
    found = errors(DECLARED.replace("${hold}", "${hodl}"))
    assert found == [
        '12:15: method[0].duration: the variable ${hodl} is not set | did you mean "hold"? '
        "variables: hold, n, service; or give it from outside: --var hodl=..."
    ]


def test_a_value_from_outside_that_changes_nothing_is_a_problem() -> None:
    (found,) = errors(DECLARED, {"hodl": "7s"})
    assert "the variable hodl was given a value, and nothing in the file uses ${hodl}" in found
    assert 'did you mean "hold"?' in found


def test_variables_are_plain_values_with_plain_names() -> None:
    found = errors(MINIMAL + "variables: {a b: 1, c: [1]}\n")
    assert ["cannot be a variable's name" in found[0], "a variable holds one value" in found[1]] == [True, True]
    assert "must be a mapping" in errors(MINIMAL + "variables: [a]\n")[0]
    assert "must hold a variable's name" in errors(MINIMAL.replace("edge", "'${'"))[0]
