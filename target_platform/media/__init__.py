"""The title everybody watches: a generated clip, encoded once into a ladder of qualities and cached.

`prepare(cache_dir)` is all that others need: it returns a folder with master.m3u8, one folder a rung and its segments.
"""

from target_platform.media.cache import prepare
from target_platform.media.errors import MediaError

__all__ = ["MediaError", "prepare"]
