"""What will be asked for: what was asked for, and for the rest what titles of that rank are usually asked for.

A title that nobody has asked for yet must be placed before its first viewer ("Netflix and Fill", Netflix Technology
Blog, 2016). So what was counted is smoothed: the popularity of titles towards Zipf's law over the catalogue's rank, the
walk of viewers along a title (how many of them ask for segment n of a quality) towards the model's, and each file's
count towards what these two together say. All three by a Dirichlet prior, the weight of which is in plays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from target_platform.delivery.files import File, file_of


class Model(Struct, frozen=True, kw_only=True):
    """How titles are usually watched.

    The title of rank r is played with a weight of r ** -zipf_exponent: 0.8 to 1 is what video catalogues show (Cha,
    Kwak, Rodriguez, Ahn, Moon: "I tube, you tube, everybody tubes", IMC 2007). Of those who play, the share `survival`
    goes on after each segment. All qualities are wanted alike. What was counted weighs as much as this when it is of
    `prior_plays`.
    """

    zipf_exponent: float = 1.0
    survival: float = 0.8
    prior_plays: float = 20.0


USUAL = Model()

Shape = Mapping[tuple[str, int], float]
"""Of a quality and a number: how many of those who play a title ask for that file of it."""


def forecast(
    counts: Mapping[str, float], files: Mapping[str, Collection[str]], model: Model = USUAL
) -> dict[str, float]:
    """How often each file is expected to be asked for, in a day of one play; all of a title's files together are more.

    `files` are the paths of each title's, the titles by their rank, the first one the most popular. What was counted of
    other titles counts for nothing.
    """
    known = {title: [(path, file) for path in paths if (file := file_of(path))] for title, paths in files.items()}
    plays = {title: _plays(of, counts) for title, of in known.items()}
    popular = _popularity(plays, model)
    shape = _shape(counts, known, plays, model)
    whole = sum(plays.values()) + model.prior_plays
    return {
        path: (counts.get(path, 0.0) + model.prior_plays * popular[title] * shape[file.quality, file.number]) / whole
        for title, of in known.items()
        for path, file in of
    }


Known = Mapping[str, Sequence[tuple[str, File]]]


def _plays(of_title: Sequence[tuple[str, File]], counts: Mapping[str, float]) -> float:
    """Whoever plays asks for one file of the first number, whatever the quality."""
    first = _first_number(of_title)
    return sum(counts.get(path, 0.0) for path, file in of_title if file.number == first)


def _first_number(of_title: Sequence[tuple[str, File]]) -> int:
    return min((file.number for _, file in of_title if file.number >= 0), default=0)


def _popularity(plays: Mapping[str, float], model: Model) -> dict[str, float]:
    """Each title's share of all plays."""
    usual = [rank**-model.zipf_exponent for rank in range(1, len(plays) + 1)]
    whole = sum(plays.values()) + model.prior_plays
    return {
        title: (played + model.prior_plays * weight / sum(usual)) / whole
        for (title, played), weight in zip(plays.items(), usual, strict=True)
    }


def _shape(counts: Mapping[str, float], known: Known, plays: Mapping[str, float], model: Model) -> Shape:
    """Over all titles that have such a file together, since these are watched alike."""
    asked: defaultdict[tuple[str, int], float] = defaultdict(float)
    played: defaultdict[tuple[str, int], float] = defaultdict(float)
    usual: dict[tuple[str, int], float] = {}
    for title, of_title in known.items():
        usual |= _usual_shape(of_title, model)
        for path, file in of_title:
            asked[file.quality, file.number] += counts.get(path, 0.0)
            played[file.quality, file.number] += plays[title]
    prior = model.prior_plays
    return {place: (asked[place] + prior * usual[place]) / (played[place] + prior) for place in usual}


def _usual_shape(of_title: Sequence[tuple[str, File]], model: Model) -> Shape:
    qualities = {file.quality for _, file in of_title if file.number >= 0}
    first = _first_number(of_title)
    return {
        (file.quality, file.number): model.survival ** (file.number - first) / len(qualities)
        if file.number >= 0
        else 1.0
        for _, file in of_title
    }
