"""The store of the pipeline as an origin sees it: what is published, and its files."""

from __future__ import annotations

import threading
from hashlib import blake2b
from pathlib import Path

import msgspec

from target_platform.media.published import POINTERS, Listing, Published, kept_limits
from target_platform.media.titles import LIMITS
from target_platform.stores.objects.interface import NotThere, ObjectsFailed
from target_platform.stores.objects.over_http import Readings, readings_at
from target_platform.stores.objects.place import is_folder


class Shelf:
    """`place` is what the pipeline was told as its store, a shelf's http:// address, or empty for none at all.

    Blocks: call it from a thread. Several may.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._opened: Readings | None = None
        self._opening = threading.Lock()
        self._limits: dict[str, tuple[str, ...]] = {}

    def look(self) -> Listing:
        """All that is published now, with the limits also of what was published before. Raises ObjectsFailed."""
        store = self._store()
        keys = [each.key for each in store.under(POINTERS)] if store else []
        titles = [each for key in keys if (each := self._pointer(key))]
        limits = LIMITS | {each.title: each.territories for each in titles if each.territories}
        self._limits = kept_limits(self._limits, Listing(titles=tuple(titles), limits=limits))
        mark = blake2b(msgspec.json.encode([titles, self._limits]), digest_size=8).hexdigest()
        return Listing(mark=mark, titles=tuple(titles), limits=self._limits)

    def file(self, key: str) -> bytes:
        """Raises ObjectsFailed."""
        store = self._store()
        if store is None:
            raise NotThere(f"there is no {key}, nor a store")
        return store.get(key)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Of all files the keys of which begin so. Raises ObjectsFailed."""
        store = self._store()
        return {each.key: each.size for each in store.under(prefix)} if store else {}

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _pointer(self, key: str) -> Published | None:
        """None when it was taken away since it was listed, or is not ours."""
        try:
            return msgspec.json.decode(self.file(key), type=Published)
        except (NotThere, msgspec.DecodeError):
            return None

    def _store(self) -> Readings | None:
        """None until there is something: a reader must not make the folder that a mistake in its name asks for.

        Raises ObjectsFailed when it was there and is not any more: a disk that is unmounted holds nothing, and says
        nothing of what was published.
        """
        place = self._place
        if place and is_folder(place):
            place = str(Path(place) / "objects")
            if not Path(place).is_dir():
                if self._opened is not None:
                    raise ObjectsFailed(f"the store is not at {place} any more")
                return None
        with self._opening:
            if self._opened is None and place:
                self._opened = readings_at(place)
            return self._opened
