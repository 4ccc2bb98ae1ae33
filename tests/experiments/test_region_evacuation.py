"""The evacuation of a region proven both ways, with the whole platform, its viewers, and an emulated account.

Where each region has room for a calm day only, it holds when what rests in reserve is what is short, deviates when
something else is called up, and holds when nothing is done. --prove-all runs it, and brings its row of proof.md up to
date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.emulated import REGIONS, Emulated, emulated
from tests.cloud.test_evacuation import both_parts
from tests.experiments.test_every_experiment_is_proven import Answer, Proof, write_table
from tests.experiments.to_prove import BESIDE_AN_ACCOUNT
from tests.ports import free, own

pytestmark = pytest.mark.slow
NAME, WEAKNESS = BESIDE_AN_ACCOUNT
RESERVE = ("playback", "playback", "catalog")
KEPT_SECONDS = 2


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with emulated(tmp_path, next(free(own(25580, 20)))) as account:
        account.fill()
        for region in REGIONS:
            account.weigh(region, 100, KEPT_SECONDS)
        yield account


def test_it_holds_with_room_deviates_without_it_and_holds_when_nothing_is_done(
    account: Emulated, tmp_path: Path
) -> None:
    proof = Proof(tmp_path / "home")
    reserve = [word for service in RESERVE for word in ("--reserve", service)]
    started = proof.chaos("platform", "up", "--base-port", "26000", *reserve)
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        asked = (NAME, "-e", both_parts(account, tmp_path), "--weaken", WEAKNESS)
        with_room = proof.run(*asked)
        without = proof.run(*asked, "--var", "grows=catalog")
        control = proof.run(*asked, "--control")
    finally:
        ended = proof.chaos("platform", "down")
        assert ended.returncode == 0, ended.stdout + ended.stderr
    write_table([row(with_room, without, control)])
    assert with_room.code == 0, with_room.text
    assert without.code == 1, without.text
    assert control.code == 0, control.text


def row(with_room: Answer, without: Answer, control: Answer) -> str:
    return f"| {NAME} | {WEAKNESS} | {with_room.cell}, with room | {without.cell} | {control.cell} |"
