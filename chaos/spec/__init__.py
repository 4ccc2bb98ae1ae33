"""YAML -> model. Every error has file, line, column, what was read, what is allowed, "did you mean".

    text.py       a file's text
    document.py   text -> nodes with marks (YAML 1.2 core, no tags, bounded)
    variables.py  ${name} inside values
    fields.py     the keys of one mapping, all problems collected
    values.py     a value by its annotation and the unit in its field's name
    experiment.py, steps.py, objectives.py, plugins.py   the shape of an experiment
    environment.py   the shape of an environment file
    gameday.py    the shape of a game day file
    objectives_file.py   objectives on their own
    file.py       any of these, by what the file says it is
    describe.py   the way back: how a plug-in's parameters are written

Reading a file knows no environment. The catalogue is handed in.
"""

from chaos.spec.environment import load_environment
from chaos.spec.experiment import load_experiment, read_experiment
from chaos.spec.file import load_file
from chaos.spec.gameday import load_gameday, read_gameday
from chaos.spec.problems import BadFile, Problem

__all__ = [
    "BadFile",
    "Problem",
    "load_environment",
    "load_experiment",
    "load_file",
    "load_gameday",
    "read_experiment",
    "read_gameday",
]
