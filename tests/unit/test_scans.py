"""`chaos rollback --scan` over an environment of several parts: each is looked at, whatever becomes of the others."""

from __future__ import annotations

import pytest

from chaos.catalog import Catalog
from chaos.cli import rollback
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, ChaosError, ExitCode, Refused
from chaos.model.residue import Residue, Scan

REFUSED = Refused("these credentials are of another account", "choose the right profile")
STUCK = Residue(target="group/eu/web", holder="run/1.1", what="capacity", until=1.0)


class Part:
    """Bears what cannot be taken off, nothing at all, or cannot be looked at."""

    def __init__(self, name: str, bears: Residue | ChaosError | None) -> None:
        self.ref = EnvironmentRef(kind="aws", name=name)
        self._bears = bears

    def residues(self) -> tuple[Residue, ...]:
        return self.scan().found

    def scan(self) -> Scan:
        if isinstance(self._bears, ChaosError):
            raise self._bears
        return Scan(found=(self._bears,) if self._bears else ())

    def clear_residue(self, residue: Residue) -> None:
        raise ActionFailed("what eu/web had before cannot be read from its tags")


class Whole:
    ref = EnvironmentRef(kind="parts", name="whole")

    def __init__(self, *bears: Residue | ChaosError | None) -> None:
        self.parts = tuple(Part(f"part-{at}", each) for at, each in enumerate(bears, 1))


def scanned(monkeypatch: pytest.MonkeyPatch, *bears: Residue | ChaosError | None) -> int:
    monkeypatch.setattr("chaos.spec.load_environment", lambda *_: Whole.ref)
    monkeypatch.setattr("chaos.shipped.find_environment", lambda name: name)
    monkeypatch.setattr(Catalog, "open_environment", lambda *_: Whole(*bears))
    return rollback._scanned("whole.yaml", False, {})


@pytest.mark.parametrize(
    ("bears", "code"),
    [
        ((REFUSED, None), ExitCode.INCONCLUSIVE),
        ((REFUSED, STUCK), ExitCode.STILL_BROKEN),
        ((STUCK, REFUSED), ExitCode.STILL_BROKEN),
        ((None, None), ExitCode.HELD),
    ],
)
def test_a_part_that_cannot_be_looked_at_is_named_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bears: tuple[Residue | ChaosError | None, ...],
    code: int,
) -> None:
    assert scanned(monkeypatch, *bears) == code
    said = capsys.readouterr().out
    for at, each in enumerate(bears, 1):
        assert (f"NOT LOOKED AT part-{at}: these credentials are of another account" in said) is (each is REFUSED)
    assert ("run/1.1: STILL BROKEN: capacity of group/eu/web" in said) is (STUCK in bears)


def test_of_a_single_part_the_error_is_that_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="of another account"):
        scanned(monkeypatch, REFUSED)
