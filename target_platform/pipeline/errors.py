"""What can go wrong between a master and a title, and what the user is told."""

from __future__ import annotations


class PipelineError(Exception):
    """Something was not done; the first sentence says what and why, a second one what to do."""


class Rejected(PipelineError):
    """What was handed in is not fit to be published: a master, its checksum, subtitles, a dubbed track.

    Nothing was stored for it, and trying again changes nothing.
    """


class WorkFailed(PipelineError):
    """A piece of work could not be done this time. Another attempt may succeed: nothing of this one is kept."""


class ToolHung(WorkFailed):
    """An encoder or packager had not finished when its time was up, and was ended."""


class DiskFull(WorkFailed):
    """There was no room for what was being made."""
