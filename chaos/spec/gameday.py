"""A game day file: `kind: GameDay`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from chaos.model.errors import BadInput
from chaos.model.experiment import Experiment
from chaos.model.gameday import GameDay, Pause, Predicted, Prediction, Trial
from chaos.spec import units
from chaos.spec.document import MappingNode, Node, shown
from chaos.spec.experiment import load_experiment, name_of
from chaos.spec.fields import Fields, sequence
from chaos.spec.header import header
from chaos.spec.plugins import Plugins
from chaos.spec.problems import BadFile, Wrong
from chaos.spec.text import read_text
from chaos.spec.values import one_of, positive, text
from chaos.spec.whole import read_whole

Find = Callable[[str], Path]
"""Where the file of an experiment is, by path or by name. Raises BadInput."""


def load_gameday(path: Path, plugins: Plugins, find: Find = Path) -> GameDay:
    """The game day in a file, with every experiment it names read as well.

    Raises BadFile (a BadInput) with all problems of the file, or BadInput when the file cannot be read at all.
    """
    return read_gameday(read_text(path), str(path), plugins, find)


def read_gameday(source: str, file: str, plugins: Plugins, find: Find = Path) -> GameDay:
    """The game day in a text; `file` is what problems are reported under and what relative paths start from."""
    named = partial(_experiment, file=file, plugins=plugins, find=find)
    return read_whole(source, file, lambda document: _gameday(document, file, named))


Named = Callable[[Node, dict[str, str]], tuple[str, Experiment]]


def _gameday(document: MappingNode, file: str, named: Named) -> GameDay:
    header(document, "GameDay")
    with Fields(document, "a game day") as fields:
        fields.allow("apiVersion", "kind")
        name = fields.required("name", name_of)
        purpose = fields.required("purpose", text)
        schedule = fields.required("schedule", partial(_schedule, named=named))
    return GameDay(name=name, purpose=" ".join(purpose.split()), schedule=schedule, source=file)


def _schedule(node: Node, named: Named) -> tuple[Trial | Pause, ...]:
    items = sequence(node, "experiments and pauses", lambda item: _item(item, named))
    if not any(isinstance(item, Trial) for item in items):
        raise Wrong.at(node.mark, "a game day needs at least one experiment", "e.g. - experiment: dead-edge")
    return items


def _item(node: Node, named: Named) -> Trial | Pause:
    if isinstance(node, MappingNode) and node.get("pause") is not None:
        with Fields(node, "a pause") as fields:
            seconds = fields.required("pause", positive(units.SECONDS))
        return Pause(seconds=seconds)
    if isinstance(node, MappingNode) and node.get("until") is not None:
        with Fields(node, "a pause") as fields:
            fields.required("until", one_of("enter"))
        return Pause()
    with Fields(node, "an experiment or a pause of a game day") as fields:
        variables = fields.optional("variables", _variables, {})
        found = fields.required("experiment", lambda at: named(at, variables or {}))
        prediction = fields.required("prediction", _prediction)
    source, experiment = found
    return Trial(experiment=experiment, source=source, prediction=prediction, variables=variables)


def _prediction(node: Node) -> Prediction:
    with Fields(node, "a prediction") as fields:
        outcome = fields.required("outcome", one_of(*get_args(Predicted)))
        because = fields.required("because", text)
        by = fields.optional("by", text, "")
    return Prediction(outcome=outcome, because=" ".join(because.split()), by=by)


def _variables(node: Node) -> dict[str, str]:
    with Fields(node, "variables") as fields:
        return {name.text: fields.required(name.text, text) for name, _ in fields.node.entries}


def _experiment(
    node: Node, variables: dict[str, str], file: str, plugins: Plugins, find: Find
) -> tuple[str, Experiment]:
    """What `chaos run` would take for it, and the experiment. A path counts from the game day's own folder."""
    given = text(node)
    beside = Path(file).parent / given
    try:
        path = beside if beside.is_file() else find(given)
        experiment = load_experiment(path, plugins, variables)
    except BadFile as error:
        count = len(error.problems)
        others = f" (and {count - 1} more: `chaos validate {error.file}`)" if count > 1 else ""
        raise Wrong.at(
            node.mark, f"{shown(node)} cannot be used{others}", error.problems[0].text(error.file)
        ) from error
    except BadInput as error:
        raise Wrong.at(node.mark, error.message, error.hint) from error
    return str(beside) if beside.is_file() else given, experiment
