"""Game day files: what they hold, and what is said of wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from chaos.catalog import Catalog
from chaos.cli import validate
from chaos.model.gameday import GameDay, Pause, Trial
from chaos.shipped import find, find_gameday, shipped_experiments, shipped_gamedays
from chaos.spec import BadFile, load_experiment, load_file, load_gameday, read_gameday
from tests.unit.spec.fakes import MINIMAL, PLUGINS

DAY = """\
apiVersion: chaos/v1
kind: GameDay
name: a-day
purpose: Do we know our system?
schedule:
  - experiment: small.yaml
    prediction: {outcome: held, because: there are two of them, by: us}
  - pause: 30s
  - until: enter
  - experiment: small.yaml
    prediction: {outcome: deviated, because: one is not enough}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(MINIMAL)
    return tmp_path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        read_gameday(text, str(folder / "day.yaml"), PLUGINS)
    return [problem.text("").removeprefix(":").replace("\n   ", " |") for problem in caught.value.problems]


def test_it_holds_experiments_with_predictions_and_pauses_in_order(folder: Path) -> None:
    day = read_gameday(DAY, str(folder / "day.yaml"), PLUGINS)
    first, timed, by_hand, last = day.schedule
    assert isinstance(first, Trial)
    assert isinstance(last, Trial)
    assert (first.experiment.name, first.source) == ("small", str(folder / "small.yaml"))
    assert (first.prediction.outcome, first.prediction.by) == ("held", "us")
    assert (timed, by_hand) == (Pause(seconds=30.0), Pause())
    assert (last.prediction.outcome, last.prediction.because) == ("deviated", "one is not enough")


def test_variables_reach_the_experiment(folder: Path) -> None:
    (folder / "small.yaml").write_text(MINIMAL.replace("duration: 5s", "duration: ${long}"))
    text = DAY.replace("  - experiment: small.yaml", "  - experiment: small.yaml\n    variables: {long: 7s}")
    trial = read_gameday(text, str(folder / "day.yaml"), PLUGINS).schedule[0]
    assert isinstance(trial, Trial)
    assert trial.experiment.method[0].duration_seconds == 7.0  # type: ignore[union-attr]
    assert trial.variables == {"long": "7s"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("purpose:", "purpos:"), ['4:1: a game day has no key "purpos" | did you mean "purpose"?']),
        (("outcome: held", "outcome: hold"), ['7:27: schedule[0].prediction.outcome: "hold" is not allowed', '"held"']),
        (
            ("because: there are two of them, ", ""),
            ["7:17: schedule[0].prediction: a prediction needs the key `because`"],
        ),
        (("pause: 30s", "pause: 30parsec"), ["8:12: schedule[1].pause: "]),
        (("until: enter", "until: escape"), ["9:12: schedule[2].until: "]),
        (("kind: GameDay", "kind: Experiment"), ["2:7: this is an experiment, expected a game day"]),
        (
            (
                "experiment: small.yaml\n    prediction: {outcome: held",
                "experiment: none.yaml\n    prediction: {outcome: held",
            ),
            ["6:17: schedule[0].experiment: there is no file none.yaml"],
        ),
        (("  - pause: 30s\n", "  - pause: 30s\n    text: hm\n"), ['9:5: schedule[1]: a pause has no key "text"']),
    ],
    ids=[
        "misspelt key",
        "no outcome",
        "no reason",
        "wrong unit",
        "wrong key to press",
        "other kind",
        "no file",
        "extra",
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Path, change: tuple[str, str], says: list[str]) -> None:
    assert change[0] in DAY
    (told,) = problems(folder, DAY.replace(*change, 1))
    for part in says:
        assert part in told


def test_a_day_without_an_experiment_is_none(folder: Path) -> None:
    text = DAY[: DAY.index("  - experiment")] + "  - pause: 3s\n"
    assert problems(folder, text) == [
        "6:3: schedule: a game day needs at least one experiment | e.g. - experiment: dead-edge"
    ]


def test_a_mistake_in_an_experiment_is_told_with_both_places(folder: Path) -> None:
    (folder / "small.yaml").write_text(MINIMAL.replace("fault: kill", "fault: kil"))
    told = problems(folder, DAY)
    assert len(told) == 2
    assert told[0].startswith("6:17: schedule[0].experiment: ")
    assert "small.yaml:10:12: " in told[0]


def test_a_game_day_is_no_experiment(folder: Path) -> None:
    (folder / "day.yaml").write_text(DAY)
    assert isinstance(load_file(folder / "day.yaml", PLUGINS), GameDay)
    with pytest.raises(BadFile, match="this is a game day, expected an experiment"):
        load_experiment(folder / "day.yaml", PLUGINS)


def test_validate_takes_it_by_name_and_by_path() -> None:
    app = Typer()
    app.command()(validate.validate)
    path = find_gameday("first-game-day")
    done = CliRunner().invoke(app, ["first-game-day", str(path)])
    assert (done.exit_code, done.stdout) == (0, f"{path}: ok, game day first-game-day\n" * 2)


@pytest.mark.parametrize("name", sorted(shipped_gamedays()))
def test_every_shipped_game_day_can_be_read(name: str) -> None:
    day = load_gameday(find_gameday(name), Catalog(), find)
    assert day.name == name
    assert name not in shipped_experiments()


def test_the_example_of_the_guide_can_be_run(tmp_path: Path) -> None:
    guide = Path(__file__).parents[3] / "docs" / "how-to" / "game-day.md"
    (text,) = re.findall(r"```yaml\n(.*?)```", guide.read_text(), re.DOTALL)
    day = read_gameday(text, str(tmp_path / "day.yaml"), Catalog(), find)
    assert sum(isinstance(item, Trial) for item in day.schedule) == 2
