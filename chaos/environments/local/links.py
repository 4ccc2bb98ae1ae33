"""What is done to links here: toxics in the proxy that carries each.

Ours ends them at the end of their lease. A real Toxiproxy keeps no time, and lets an end of a stream pass ahead of what
it delays or holds back: there a lease holder ends them, and links are looked at by requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.environments.local import round_trip
from chaos.environments.local.proxy_api import Carrier, Toxic
from chaos.environments.local.state import LinkStatus, State, read_state
from chaos.model.capabilities import CanAnswerRequests, CanChangeLinks, CanShapeLinks
from chaos.model.errors import ActionFailed
from chaos.model.links import Delay, Errors, Heard, Knock, LateClose, LinkChange, Resets, Silence, Throttle

_ASKED_AT_ONCE = 8
"""Over a link between regions one request takes some 70 ms, and a small share of errors needs hundreds of them."""

LINK_CAPABILITIES: tuple[type, ...] = (CanShapeLinks, CanChangeLinks, CanAnswerRequests)

_STREAMS = {"to": "upstream", "from": "downstream"}


class LocalLinks:
    """CanChangeLinks. A change on both directions is two toxics, NAME-upstream and NAME-downstream."""

    _path: Path
    _real: bool
    """Whether a real Toxiproxy carries the links."""

    # parameters: those of CanShapeLinks
    def delay_link(self, link: str, name: str, delay_ms: float, jitter_ms: float, until: float) -> None:
        found = self._those([link])
        if not found:
            raise ActionFailed(f"there is no link {link}", took_effect="no")
        attributes: dict[str, int | float | str] = {"latency": round(delay_ms), "jitter": round(jitter_ms)}
        toxic = Toxic(name=name, type="latency", stream="downstream", attributes=attributes, expires_at=until)
        self._carrier(found[0]).put(link, toxic)

    def clear_link(self, link: str, name: str) -> None:
        for found in self._those([link]):
            self._carrier(found).delete(link, name)

    def round_trip_ms(self, link: str) -> float | None:
        """The end of a stream sent over the link until the other end's comes back; a request over a real Toxiproxy.

        A refusal by the destination counts as an answer: it passes our link as everything does.
        """
        found = self._those([link])
        if not found:
            return None
        if not self._real:
            return round_trip.measure_ms(found[0].address)
        (heard,) = self.ask_link(link, "", round_trip.TIMEOUT_SECONDS * 1000)
        return heard.ms if heard.status else None

    def change_links(self, links: Sequence[str], name: str, change: LinkChange, until: float) -> None:
        listed = {each.name: each for each in self._listed_state().links}
        missing = [link for link in links if link not in listed]
        if missing:
            raise ActionFailed(f"there is no link {', '.join(missing)}", took_effect="no")
        for link in links:
            for toxic in _toxics(name, change, until):
                self._carrier(listed[link]).put(link, toxic)

    def restore_links(self, links: Sequence[str], name: str) -> None:
        for link in self._those(links):
            for stream in _STREAMS.values():
                self._carrier(link).delete(link.name, _toxic_name(name, stream))

    def knock(self, links: Sequence[str], patience_ms: float) -> dict[str, Knock]:
        """Sent over the link: the end of a stream, which asks no service for work, or over a real Toxiproxy a GET."""
        from chaos import knocking  # asyncio and http: 60 ms, needed only by who looks at links

        addresses = {each.name: each.address for each in self._listed_state().instances}
        ways = {each.name: (each.address, addresses.get(each.destination_instance, "")) for each in self._those(links)}
        paths = {each.name: self._usual_path(each) for each in self._those(links)} if self._real else {}
        return knocking.knock(ways, patience_ms, paths)

    def ask_link(self, link: str, path: str, patience_ms: float, times: int = 1) -> list[Heard]:
        from chaos import knocking

        found = self._those([link])
        if not found:
            return []
        wanted = path or self._usual_path(found[0])
        with ThreadPoolExecutor(min(_ASKED_AT_ONCE, times)) as pool:
            return list(pool.map(lambda _: knocking.ask(found[0].address, wanted, patience_ms), range(times)))

    def _usual_path(self, link: LinkStatus) -> str:
        instances = self._listed_state().instances
        return next((each.health_path for each in instances if each.name == link.destination_instance), "") or "/"

    def _carrier(self, link: LinkStatus) -> Carrier:
        return Carrier(link.proxy_api, self._real)

    def _those(self, links: Sequence[str]) -> list[LinkStatus]:
        return [each for each in self._listed_state().links if each.name in links]

    def _listed_state(self) -> State:
        """Nothing is listed when there is no state file: a system that is gone has no links."""
        return read_state(self._path) or State()


def _toxics(name: str, change: LinkChange, until: float) -> list[Toxic]:
    return [
        Toxic(name=_toxic_name(name, stream), type=kind, stream=stream, attributes=values, expires_at=until)
        for kind, stream, values in _parts(change)
    ]


def _toxic_name(name: str, stream: str) -> str:
    return f"{name}-{stream}"


def _parts(change: LinkChange) -> list[tuple[str, str, dict[str, int | float | str]]]:
    """Type, stream and attributes of each toxic that makes up a change."""
    if isinstance(change, Silence):
        return [("timeout", _STREAMS[direction], {"timeout": 0}) for direction in change.directions]
    if isinstance(change, Resets):
        return [("reset_peer", stream, {"timeout": 0}) for stream in _STREAMS.values()]
    if isinstance(change, Throttle):
        return [("bandwidth", "downstream", {"rate": max(1, round(change.bytes_per_second / 1000))})]
    if isinstance(change, LateClose):
        return [("slow_close", "downstream", {"delay": round(change.delay_ms)})]
    if isinstance(change, Delay):
        return [("latency", "downstream", {"latency": round(change.delay_ms), "jitter": round(change.jitter_ms)})]
    assert isinstance(change, Errors), "LinkChange has no further member"
    return [("http_status", "upstream", {"status": change.status, "share": change.share, "path": change.path})]
