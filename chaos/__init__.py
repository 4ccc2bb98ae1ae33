"""Steadfast: ask a running system whether it keeps serving its users when this breaks.

Reading order: model (the nouns), spec (text to Experiment), engine (Experiment to Journal),
judge (Journal to Verdict), reports (Verdict to page). Everything else plugs into those.
"""

__version__ = "0.1.0"
