"""What earlier runs have left, found from the objects themselves, and taken off without any journal."""

from __future__ import annotations

from chaos.environments.kubernetes import isolation, nodes, workloads
from chaos.environments.kubernetes.names import PLURALS, Names, Place
from chaos.environments.kubernetes.records import HOLDS, Hold, record_or_spoilt
from chaos.environments.kubernetes.refusals import Refusals
from chaos.model.errors import ActionFailed
from chaos.model.residue import Residue


class Residues(Refusals):
    """A residue's target is written `kind/[context/][namespace/]name`."""

    def residues(self) -> tuple[Residue, ...]:
        names = self.names
        held = [
            (f"{place.kind}/", place, record) for place, record in workloads.held_workloads(names, record_or_spoilt)
        ]
        held += [("node/", place, record) for place, record in nodes.held_nodes(names, record_or_spoilt)]
        held += [
            ("networkpolicy/", place, record) for place, record in isolation.held_policies(names, record_or_spoilt)
        ]
        found = [
            _residue(kind + _name(names, place), holder, hold)
            for kind, place, record in held
            for holder, hold in record.holds.items()
        ]
        return tuple(sorted(found, key=lambda each: (each.target, each.holder)))

    def clear_residue(self, residue: Residue) -> None:
        if residue.what == "unreadable":
            hint = "somebody has changed it: put the object right by hand, then remove it"
            raise ActionFailed(f"the annotation {HOLDS} of {residue.target} cannot be read", hint, took_effect="no")
        kind, _, name = residue.target.partition("/")
        if kind == "node":
            self._clear_node(self.names.node_place(name), residue)
            return
        place = self.names.pod_place(name)  # the same front, whatever the kind
        if kind in PLURALS:
            workloads.release_pod(Place(place.cluster, place.namespace, place.name, kind), residue.holder)
        else:
            isolation.rejoin_in(place.cluster, place.namespace, residue.holder)

    def _clear_node(self, place: Place, residue: Residue) -> None:
        if residue.what == "stop":
            self._drive("start", [place.name])
        nodes.change_node(place, lambda record: record.without(residue.holder))


def _residue(target: str, holder: str, hold: Hold) -> Residue:
    return Residue(target=target, holder=holder, what=hold.what, until=hold.until)


def _name(names: Names, place: Place) -> str:
    if not place.namespace:
        return names.node(place.cluster, place.name)
    return names.pod(place.cluster, place.namespace, place.name)
