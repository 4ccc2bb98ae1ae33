"""Which files each cache of a group is to hold before anybody asks. Pure.

Titles are spread over the caches of a group, so that together they hold more than one of them could; the few that a
large part of all viewers want are held by each. Players find the cache of a title by the same order (rendezvous.py).
Within its share a cache holds what is asked for most often for each byte that it takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from target_platform.delivery.files import file_of
from target_platform.kit.config import Endpoint
from target_platform.kit.rendezvous import steered


class Member(Struct, frozen=True, kw_only=True):
    """The cache `me`, one of a group.

    A title of which more than `everywhere_share` of all is asked for is held by every cache of the group: when one of
    them dies, its viewers come to one that has it.
    """

    me: str
    group: tuple[Endpoint, ...]
    everywhere_share: float = 1.0


def planned(member: Member, demand: Mapping[str, float], sizes: Mapping[str, int], limit_bytes: int) -> list[str]:
    """The paths that this cache is to hold, what is worth most first; at most `limit_bytes` together.

    `demand` is how often each file is expected to be asked for.
    """
    mine = _titles_of(member, demand)
    wanted = [path for path, size in sizes.items() if size > 0 and demand.get(path, 0) > 0 and _title(path) in mine]
    wanted.sort(key=lambda path: (-demand[path] / sizes[path], path))
    taken, left_bytes = [], limit_bytes
    for path in wanted:
        if sizes[path] <= left_bytes:
            taken.append(path)
            left_bytes -= sizes[path]
    return taken


def owner(title: str, group: Sequence[Endpoint]) -> str:
    """Whose title it is, by name: when a cache is gone, only its own titles have another owner."""
    return steered(title, group, region="")[0].instance


def _titles_of(member: Member, demand: Mapping[str, float]) -> frozenset[str]:
    asked: defaultdict[str, float] = defaultdict(float)
    for path, times in demand.items():
        asked[_title(path)] += times
    hot = member.everywhere_share * sum(asked.values())
    return frozenset(title for title, times in asked.items() if times > hot or owner(title, member.group) == member.me)


def _title(path: str) -> str:
    file = file_of(path)
    return file.title if file else ""
