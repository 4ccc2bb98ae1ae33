"""`chaos runs`: several runs of one experiment, listed, compared and repeated, on real processes."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import msgspec
import pytest

from chaos.journal.write import JournalWriter
from tests.cli.test_bad_input import KILL_A_WEB, injections, write
from tests.local.small_system import SmallSystem
from tests.unit.reports.synthetic import Synthetic

QUICK = KILL_A_WEB.replace("duration: 1s", "duration: 1500ms").replace("kill-a-web", "several")


@pytest.fixture(scope="module")
def file(system: SmallSystem, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs of a series of three, the second of which was ended by a person."""
    file = write(tmp_path_factory.mktemp("several"), QUICK)
    first = system.chaos("runs", "repeat", "1", file)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "several: 1 of 1 run held, 100% (95% interval 21% to 100%)" in first.stdout
    return file


def test_a_series_that_was_stopped_goes_on_by_the_same_command(system: SmallSystem, file: str) -> None:
    known = injections(system)
    stopped = system.start_chaos("runs", "repeat", "3", file)
    deadline = time.monotonic() + 60
    while injections(system) == known and time.monotonic() < deadline:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGINT)
    said, _ = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, said
    assert "1 of 3 runs were made before: going on" in said
    assert "the same command goes on from here" in said
    assert system.broken() == []
    done = system.chaos("runs", "repeat", "3", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 3 runs were made before" in done.stdout
    assert "several: 3 of 3 runs held" in done.stdout
    seeds = [
        line.split("seed ")[1].split()[0].rstrip(",") for line in done.stdout.splitlines() if line.startswith("run ")
    ]
    assert seeds == ["2", "3"]
    again = system.chaos("runs", "repeat", "3", file)
    assert "3 of 3 runs were made before" in again.stdout
    assert again.returncode == 0


def test_runs_are_listed_with_their_outcomes(system: SmallSystem, file: str) -> None:
    listed = system.chaos("runs", "list", "--experiment", "several", "--json")
    rows = msgspec.json.decode(listed.stdout)
    assert rows[0]["outcome"] == "held"
    assert rows[0]["seed"] == 1
    assert "several" in system.chaos("runs", "list").stdout
    none = system.chaos("runs", "list", "--experiment", "unheard-of")
    assert none.returncode == 2
    assert "there are no runs of experiment 'unheard-of'" in none.stderr


def test_two_runs_are_compared_and_worse_can_be_an_exit_code(system: SmallSystem, tmp_path: Path) -> None:
    healthy, worse = (str(left_by(tmp_path / name, name == "worse")) for name in ("healthy", "worse"))
    told = system.chaos("runs", "compare", healthy, worse)
    assert told.returncode == 0, told.stderr
    assert "WORSE   start success" in told.stdout
    assert "B is worse in" in told.stdout
    failed = system.chaos("runs", "compare", healthy, worse, "--fail-on-worse", "--json")
    assert failed.returncode == 1
    assert msgspec.json.decode(failed.stdout)["differences"][0]["change"] == "worse"
    assert system.chaos("runs", "compare", worse, healthy, "--fail-on-worse").returncode == 0


def left_by(folder: Path, weakened: bool) -> Path:
    """The folder of a run of an hour ago, with its journal."""
    folder.mkdir()
    with JournalWriter(folder / "journal.jsonl") as writer:
        writer.record(*Synthetic(weakened=weakened, seed=7 + weakened).journal())
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("compare", "last", "last"), "are the same run"),
        (("compare", "no-such-run", "last"), "no run begins with 'no-such-run'"),
        (("compare", "last", "last~4000"), "there is no run last~4000"),
        (("repeat", "2", "no-such-experiment"), "no-such-experiment"),
        (("repeat", "0", "dead-edge"), "0 is not in the range"),
    ],
)
def test_bad_input_is_a_sentence(system: SmallSystem, file: str, words: tuple[str, ...], says: str) -> None:
    done = system.chaos("runs", *words)
    assert done.returncode == 2
    assert says in done.stdout + done.stderr
