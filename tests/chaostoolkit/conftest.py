"""The folder that is the system."""

from tests.chaostoolkit.trial import folder

__all__ = ["folder"]
