"""Chaos Toolkit experiments, read unchanged, with the place of everything that is wrong.

document.py     text -> nodes with marks, and the values that PyYAML and JSON give them
experiment.py   the shape of an experiment
activity.py     the shape of probes, actions and their providers
tolerance.py    the shape of tolerances
"""

from chaos.spec.chaostoolkit.document import is_chaostoolkit
from chaos.spec.chaostoolkit.experiment import load_chaostoolkit, read_chaostoolkit

__all__ = ["is_chaostoolkit", "load_chaostoolkit", "read_chaostoolkit"]
