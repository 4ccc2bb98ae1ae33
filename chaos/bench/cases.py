"""Which runs a measurement of detection consists of: the same list for the same weaknesses, seed and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from chaos.model.errors import BadInput

Kind = Literal["weakened", "control", "healthy"]
LONG = "long"


class Weakness(Struct, frozen=True, kw_only=True):
    """What is read of a weakness file; the platform reads the rest of it (target_platform/weaknesses)."""

    name: str
    noticed_by: tuple[str, ...] = ()
    story: str = ""


class Case(Struct, frozen=True, kw_only=True):
    """One run. `weaken` is what `chaos run --weaken` is given, `of` names the contents of the files it rests on.

    weakened: a protection is gone, the experiment must deviate. control: it is gone, and no fault is injected: the
    experiment must hold. healthy: all protections are there: it must hold.
    """

    kind: Kind
    experiment: str
    seed: int
    of: str
    weakness: str = ""
    weaken: str = ""
    repeat: int = 1

    @property
    def key(self) -> str:
        """Equal for what need not be run again; a file that changed makes another key."""
        return "/".join((self.kind, self.experiment, self.weakness, str(self.repeat), str(self.seed), self.of))

    @property
    def words(self) -> str:
        return {
            "weakened": f"{self.experiment} weakened by {self.weakness}, repeat {self.repeat}",
            "control": f"{self.experiment} weakened by {self.weakness}, no fault",
            "healthy": f"{self.experiment}, healthy, seed {self.seed}",
        }[self.kind]


class Source(Struct, frozen=True, kw_only=True):
    """Where cases come from: weaknesses by file, experiments by name with their files, and the seed of all seeds."""

    weaknesses: tuple[tuple[Weakness, Path], ...]
    experiments: Mapping[str, Path]
    bundled: bool = True
    seed: int = 0

    @property
    def pairs(self) -> list[tuple[str, Weakness, Path]]:
        """(experiment, weakness that it must notice, its file), by experiment."""
        found = [(name, each, path) for each, path in self.weaknesses for name in each.noticed_by]
        return sorted(found, key=lambda pair: (pair[0], pair[1].name))


def source(weaknesses: Path | None, experiments: Mapping[str, Path], seed: int = 0) -> Source:
    """Read the weaknesses of a folder; of the bundled platform when it is None. Raises BadInput."""
    folder = weaknesses or _bundled()
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadInput(f"there is no weakness in {folder}", "a weakness is a file NAME.yaml; docs/how-to/detection.md")
    read = tuple((_read(path), path.absolute()) for path in files)
    for weakness, path in read:
        strange = next((name for name in weakness.noticed_by if name not in experiments), None)
        if strange is not None:
            raise BadInput(
                f"{path}: noticed_by names {strange!r}, and there is no such experiment",
                f"experiments: {', '.join(sorted(experiments))}",
            )
        if not weakness.noticed_by:
            raise BadInput(f"{path}: noticed_by is empty, so no run could tell whether it is noticed")
    return Source(weaknesses=read, experiments=experiments, bundled=weaknesses is None, seed=seed)


def chosen(whole: Source, only: Sequence[str]) -> Source:
    """The part of it that these names of weaknesses or experiments select. Raises BadInput for an unknown name."""
    if not only:
        return whole
    weaknesses, experiments = {each.name for each, _ in whole.weaknesses}, set(whole.experiments)
    strange = next((name for name in only if name not in weaknesses | experiments), None)
    if strange is not None:
        raise BadInput(f"--only {strange!r} is no weakness and no experiment", f"weaknesses: {', '.join(weaknesses)}")
    kept = []
    for weakness, path in whole.weaknesses:
        by = weakness.noticed_by
        if weakness.name not in only:
            by = tuple(name for name in by if name in only)
        if by:
            kept.append((msgspec.structs.replace(weakness, noticed_by=by), path))
    return msgspec.structs.replace(whole, weaknesses=tuple(kept))


def all_cases(of: Source, repeats: int, healthy: int, controls: int = 0) -> list[Case]:
    """Every pair so many times with one seed; its controls; healthy runs, each with its own seed, spread evenly."""
    cases = [_weakened(of, *pair, repeat) for pair in of.pairs for repeat in range(1, repeats + 1)]
    cases += [_control(of, *pair, number) for pair in of.pairs for number in range(1, controls + 1)]
    names = sorted({name for name, _, _ in of.pairs})
    return cases + [_healthy(of, names[number % len(names)], number) for number in range(healthy) if names]


def sample(of: Source, size: int, turn: str) -> list[Case]:
    """About `size` runs: of some pairs all three legs. Which pairs follows from `turn`, a commit's name for example.

    Experiments with the tag `long` are left to who has the time.
    """
    pairs = [pair for pair in of.pairs if LONG not in _tags(of.experiments[pair[0]])]
    first = int.from_bytes(blake2b(turn.encode(), digest_size=8).digest(), "big") % len(pairs)
    legs: list[Case] = []
    for step in range(min(len(pairs), max(1, size // 3))):
        # Far apart in the list, so that one sample has different experiments.
        pair = pairs[(first + step * max(1, len(pairs) // max(1, size // 3))) % len(pairs)]
        legs += [_healthy(of, pair[0], first + step), _weakened(of, *pair, 1), _control(of, *pair, 1)]
    return legs


def again(case: Case, time: int) -> Case:
    """The same question with another seed: for the first, second, ... time that it had no answer."""
    return msgspec.structs.replace(case, seed=_seed(f"{case.seed}/again/{time}"))


def _weakened(of: Source, experiment: str, weakness: Weakness, path: Path, repeat: int) -> Case:
    """Repeats have the same seed: the same targets, times and arrivals."""
    return Case(
        kind="weakened",
        experiment=experiment,
        seed=_seed(f"{of.seed}/{weakness.name}/{experiment}"),
        of=_contents(of.experiments[experiment], path),
        weakness=weakness.name,
        weaken=weakness.name if of.bundled else str(path),
        repeat=repeat,
    )


def _control(of: Source, experiment: str, weakness: Weakness, path: Path, number: int) -> Case:
    case = _weakened(of, experiment, weakness, path, number)
    seed = _seed(f"{of.seed}/control/{weakness.name}/{experiment}/{number}")
    return msgspec.structs.replace(case, kind="control", seed=seed)


def _healthy(of: Source, experiment: str, number: int) -> Case:
    seed = _seed(f"{of.seed}/healthy/{experiment}/{number}")
    return Case(kind="healthy", experiment=experiment, seed=seed, of=_contents(of.experiments[experiment]))


def _seed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def _contents(*paths: Path) -> str:
    digest = blake2b(digest_size=4)
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _tags(experiment: Path) -> tuple[str, ...]:
    try:
        return msgspec.yaml.decode(experiment.read_bytes(), type=_Tagged).tags
    except msgspec.DecodeError:
        return ()  # it is no experiment, as its run will say


class _Tagged(Struct, frozen=True):
    tags: tuple[str, ...] = ()


def _bundled() -> Path:
    """Found, not imported: toolkit and platform do not know each other."""
    spec = find_spec("target_platform")
    if spec is None or spec.origin is None:
        raise BadInput("the bundled platform is not installed, so there is nothing whose weaknesses are known")
    return Path(spec.origin).parent / "weaknesses"


def _read(path: Path) -> Weakness:
    try:
        weakness = msgspec.yaml.decode(path.read_bytes(), type=Weakness)
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput(f"{path} is not a weakness: {error}") from error
    if weakness.name != path.stem:
        raise BadInput(f"{path} holds a weakness called {weakness.name}; file and name must agree")
    return weakness
