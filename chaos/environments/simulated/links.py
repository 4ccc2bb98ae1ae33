"""What is done to links of a simulated world, and what knocking at them shows."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.environments.simulated.world import World
from chaos.model.links import Errors, Heard, Knock, LateClose, LinkChange, Loss, Reaction, Resets, Throttle

_ANSWER_BYTES = 20_000


class SimulatedLinks:
    """CanChangeLinks and CanLosePackets on a World."""

    world: World

    def change_links(self, links: Sequence[str], name: str, change: LinkChange, until: float) -> None:
        for link in links:
            self.world.change_link(link, name, change, until)

    def restore_links(self, links: Sequence[str], name: str) -> None:
        for link in links:
            self.world.restore_link(link, name)

    def knock(self, links: Sequence[str], patience_ms: float) -> dict[str, Knock]:
        return {link: self._knock(link) for link in links if link in self.world.links}

    def ask_link(self, link: str, path: str, patience_ms: float, times: int = 1) -> list[Heard]:
        """A share of errors comes evenly: of ten, every second for a half."""
        return [self._ask(link, path, patience_ms) for _ in range(times)] if link in self.world.links else []

    def lose_packets(self, links: Sequence[str], name: str, loss: Loss, until: float) -> None:
        for link in links:
            self.world.change_link(link, name, loss, until)

    def stop_losing_packets(self, links: Sequence[str], name: str) -> None:
        self.restore_links(links, name)

    def first_packets(self, link: str, count: int, patience_ms: float) -> list[bool]:
        """What is lost comes evenly: of ten, every second for a half."""
        if link not in self.world.links:
            return []
        share = sum(each.share for each in self.world.changes_of(link) if isinstance(each, Loss))
        answers = self._knock(link).over != "silent"
        return [answers and int((each + 1) * share) == int(each * share) for each in range(count)]

    def _ask(self, link: str, path: str, patience_ms: float) -> Heard:
        found = self.world.links[link]
        found.asked += 1
        changes = self.world.changes_of(link)
        errors = [each for each in changes if isinstance(each, Errors) and path.startswith(each.path)]
        failed = [each for each in errors if int(found.asked * each.share) > int((found.asked - 1) * each.share)]
        slow_ms = sum(_ANSWER_BYTES / each.bytes_per_second * 1000 for each in changes if isinstance(each, Throttle))
        if self._knock(link).over != "answered":
            return Heard(status=0, bytes=0, ms=patience_ms)
        status = failed[0].status if failed else 200
        return Heard(status=status, bytes=_ANSWER_BYTES, ms=self.world.link_ms(link) + slow_ms)

    def _knock(self, link: str) -> Knock:
        changes = self.world.changes_of(link)
        instance = self.world.links[link].instance
        behind: Reaction = "answered" if self.world.answers(instance) else "silent"
        if self.world.identity(instance) is None:
            behind = "reset"
        over = behind if self.world.passes(link) else "silent"
        if any(isinstance(each, Resets) for each in changes):
            over = "reset"
        late_ms = sum(each.delay_ms for each in changes if isinstance(each, LateClose))
        return Knock(over=over, behind=behind, ms=self.world.link_ms(link) + late_ms)
