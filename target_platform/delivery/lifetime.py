"""For how long an answer may be used: what the origin says of its files, and how caches read it.

Sources: RFC 9111, "HTTP Caching", 4.2 (freshness) and 5.2.2 (Cache-Control of answers); RFC 5861, "HTTP Cache-Control
Extensions for Stale Content"; RFC 8246, "HTTP Immutable Responses".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from target_platform.kit.policy import CachePolicy

CHANGING = (".m3u8", ".mpd", ".vtt", ".json")
"""Ends of the names of files that are written anew under the same name; every other file never changes."""


class Lifetime(Struct, frozen=True):
    """All in seconds: fresh until this age; and for so much longer old but usable, while a new one is fetched beside,
    and when none can be had. `kept` is whether a cache for many may keep it at all."""

    fresh: float = 0.0
    while_revalidating: float = 0.0
    if_error: float = 0.0
    kept: bool = True

    def may_go_out_at(self, age: float) -> bool:
        """Without waiting for anybody."""
        return age < self.fresh + self.while_revalidating

    def may_stand_in_at(self, age: float) -> bool:
        """When no newer one can be had."""
        return age < self.fresh + self.if_error


def cache_control(path: str, policy: CachePolicy) -> str:
    """What the origin says of a file. Which is asked for again is said for manifests only: a segment never changes."""
    if not path.endswith(CHANGING):
        return f"public, max-age={policy.segment_seconds:.0f}, immutable"
    return (
        f"public, max-age={policy.manifest_seconds:.0f}"
        f", stale-while-revalidate={policy.stale_while_revalidate_seconds:.0f}"
        f", stale-if-error={policy.stale_if_error_seconds:.0f}"
    )


def lifetime(headers: Mapping[str, str], path: str, policy: CachePolicy) -> Lifetime:
    """Of an answer with these headers; of one that says nothing what the origin would say of such a file."""
    said = _directives(headers.get("Cache-Control") or cache_control(path, policy))
    if said.keys() & {"no-store", "private"}:
        return Lifetime(kept=False)
    fresh = 0.0 if "no-cache" in said else _seconds(said, "s-maxage", "max-age")
    if said.keys() & {"must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"}:
        return Lifetime(fresh)  # RFC 9111, 4.2.4: these forbid to serve what is stale
    return Lifetime(fresh, _seconds(said, "stale-while-revalidate"), _seconds(said, "stale-if-error"))


def age_on_arrival(headers: Mapping[str, str]) -> float:
    """How many seconds an answer had been kept by the caches that it came through."""
    return _number(headers.get("Age", "0"))


def _directives(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip().lower(): value.strip(' "') for name, _, value in pairs}


def _seconds(said: Mapping[str, str], *names: str) -> float:
    """By the first of these directives that is there; 0 when none is, or what it says is no number."""
    return next((_number(said[name]) for name in names if name in said), 0.0)


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
