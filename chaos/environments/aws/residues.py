"""What earlier runs have left is put right: CanScan."""

from __future__ import annotations

from collections.abc import Callable

from chaos.environments.aws import aspects
from chaos.environments.aws.denials import DENIED
from chaos.environments.aws.documents import RUNS
from chaos.environments.aws.isolation import ISOLATED
from chaos.environments.aws.records import UNREADABLE, key_of
from chaos.environments.aws.renewal import REBOOT, REFRESH
from chaos.environments.aws.scanning import Scanning
from chaos.environments.aws.shifts import SHIFTED
from chaos.model.errors import ActionFailed
from chaos.model.residue import Residue


class Residues(Scanning):
    """Targets of residues are written as a scan writes them (scanning.py)."""

    def clear_residue(self, residue: Residue) -> None:
        if residue.what == UNREADABLE:
            said = f"the tag {key_of(residue.holder)} of {residue.target} cannot be read"
            hint = "somebody has changed it: put the resource right by hand, then remove the tag"
            raise ActionFailed(said, hint, took_effect="no")
        kind, _, name = residue.target.partition("/")
        if residue.what in aspects.NAMED:
            self.change_back(aspects.NAMED[residue.what].capability, name, residue.holder)
        elif residue.what in self._clearing():
            self._clearing()[residue.what](name, residue.holder)
        elif kind == "machine":
            self.let_go(name, residue.holder)
        elif kind == "thing":
            self.unlimit_function(name, residue.holder)
        elif kind == "role":
            self.allow_again(name, residue.holder)
        elif kind == "group":
            self.restore_capacity(name, residue.holder)
        elif kind == "acl":
            self.mend(name, residue.holder)
        elif kind == "experiment":
            self.stop_template(f"{name}/", residue.holder)
        else:
            self.shift_back(name.rpartition("/")[2], residue.holder)

    def _clearing(self) -> dict[str, Callable[[str, str], None]]:
        return {
            ISOLATED: self.rejoin_machine,
            REBOOT: self.rebooted,
            REFRESH: self.stop_refresh,
            RUNS: self.cancel_document,
            SHIFTED: self.unshift_zone,
            DENIED: self.allow_use,
        }
