"""The map: per service and region how many instances are alive and hit; of a system out of reach only the targets."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.model.plan import planned_faults
from chaos.model.system import Instance, Inventory
from chaos.ui.lines import Line, Piece, Style, columns, fit, line
from chaos.ui.state import State

_NAME = 18


def map_lines(state: State, inventory: Inventory | None, width: int, most: int) -> list[Line]:
    """A title and the map in at most that many lines."""
    entries = _services(state, inventory) if inventory is not None else _targets(state)
    if not entries:
        return []
    regions = _regions(inventory) if inventory is not None else ()
    where = "services   " + ", ".join(regions) + "   alive/all, ! hit, ~ link hit" if regions else "targets    ! hit"
    rows = columns(entries, width)
    if len(rows) > most - 1:
        rows = [*rows[: max(0, most - 2)], line(Piece(f"  and {len(rows) - max(0, most - 2)} lines more", "soft"))]
    return [line(Piece(where, "soft")), *rows][: max(most, 0)]


def _services(state: State, inventory: Inventory | None) -> list[Line]:
    if inventory is None:
        return []
    hit = _hit(state)
    names = sorted({instance.service for instance in inventory.instances})
    name_width = min(_NAME, max(map(len, names), default=0))
    lines = []
    for service in names:
        cells = [_cell(service, region, inventory, hit) for region in _regions(inventory)]
        lines.append(line(fit(service, name_width), *(piece for cell in cells for piece in (Piece("  "), cell))))
    return lines


def _cell(service: str, region: str, inventory: Inventory, hit: set[str]) -> Piece:
    """ "1/2 !1 ~2": one of two alive, one hit, two links to them hit."""
    here = [item for item in inventory.instances if (item.service, item.region) == (service, region)]
    alive = sum(item.identity is not None for item in here)
    struck = sum(_is_hit(item, hit) for item in here)
    links = sum(
        link.name in hit for link in inventory.links if (link.destination, link.destination_region) == (service, region)
    )
    text = f"{alive}/{len(here)}" if here else "-"
    text += (f" !{struck}" if struck else "") + (f" ~{links}" if links else "")
    style: Style = "fault" if struck or links else "bad" if alive < len(here) else "good" if here else "soft"
    return Piece(fit(text, 8), style)


def _is_hit(instance: Instance, hit: set[str]) -> bool:
    return instance.name in hit or instance.region in hit


def _hit(state: State) -> set[str]:
    return {item.begun.undo.target for item in state.injections if item.open}


def _regions(inventory: Inventory) -> tuple[str, ...]:
    listed = [region.name for region in inventory.regions]
    return tuple(listed or sorted({instance.region for instance in inventory.instances}))


def _targets(state: State) -> list[Line]:
    """What the plan names, since nothing else is known."""
    assert state.story is not None
    hit = _hit(state)
    names = _once(target for fault in planned_faults(state.story.started.plan.steps) for target in fault.targets)
    return [
        line(Piece("! " if name in hit else "  ", "fault"), Piece(name, "fault" if name in hit else ""))
        for name in names
    ]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
