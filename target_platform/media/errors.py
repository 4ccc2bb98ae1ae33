"""What the user is told when there is no media."""

from __future__ import annotations


class MediaError(Exception):
    """The media could not be prepared. The first sentence says why; ffmpeg's own last words may follow."""
