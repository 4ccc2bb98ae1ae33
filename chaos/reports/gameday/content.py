"""What a game day's page says. The template only lays it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chaos.judge.wording import counted, kind_text, listed, seconds_text
from chaos.model.gameday import Hit, Session, Tried

_TONES = {"held": "good", "deviated": "bad", "still broken": "bad", "bug": "bad"}
_AGREEMENT_TONES = {"as predicted": "good", "not as predicted": "bad", "no answer": "unclear", "not run": "unclear"}
_OTHERWISE = {"not as predicted": "Not as predicted:", "no answer": "No answer from", "not run": "Not run:"}
_MOST_TARGETS = 3


@dataclass(frozen=True)
class Bar:
    """Positions in percent of the strip's width."""

    label: str
    tone: str
    left: float
    width: float


@dataclass(frozen=True)
class Card:
    """One experiment: what was predicted beside what happened."""

    name: str
    hypothesis: str
    predicted: str
    because: str
    by: str
    happened: str
    tone: str
    sentence: str
    agreement: str
    agreement_tone: str
    link: str
    repeat: str


@dataclass(frozen=True)
class Moment:
    """One line of the timeline; `kind` is "run", "fault", "note" or "end"."""

    clock: str
    kind: str
    text: str


@dataclass(frozen=True)
class Page:
    title: str
    purpose: str
    tone: str
    answer: str
    facts: list[tuple[str, str]]
    cards: list[Card]
    runs: list[Bar]
    faults: list[Bar]
    moments: list[Moment]
    notes: list[Moment]


def content(session: Session, links: Mapping[str, str]) -> Page:
    """Everything on the page."""
    moments = sorted(_moments(session), key=lambda item: item[0])
    return Page(
        title=session.name,
        purpose=session.purpose,
        tone=_tone(session),
        answer=_answer(session),
        facts=[
            ("When", f"{datetime.fromtimestamp(session.started_at, UTC):%d %B %Y, %H:%M:%S} UTC".lstrip("0")),
            ("Took", seconds_text(session.ended_at - session.started_at)),
            ("Where", session.environment),
        ],
        cards=[_card(item, links.get(item.run, "")) for item in session.tried],
        runs=[
            _bar(session, item.name, _TONES.get(_outcome(item), "unclear"), (item.began_at, item.ended_at))
            for item in session.tried
        ],
        faults=[_fault_bar(session, item, hit) for item in session.tried for hit in item.hits],
        moments=[moment for _, moment in moments],
        notes=[Moment(_clock(note.at), "note", note.text) for note in session.notes],
    )


def _outcome(tried: Tried) -> str:
    return tried.verdict.outcome if tried.verdict else "not run"


def _tone(session: Session) -> str:
    """Right or wrong predictions, not good or bad outcomes: being wrong is what a game day is for."""
    agreed = {item.agreement for item in session.tried}
    if "not as predicted" in agreed:
        return "bad"
    return "good" if agreed == {"as predicted"} and not session.ended_early else "unclear"


def _answer(session: Session) -> str:
    many = counted(len(session.tried), "experiment")
    named = {word: [item.name for item in session.tried if item.agreement == word] for word in _AGREEMENT_TONES}
    said = f"{len(named['as predicted'])} of {many} came as predicted."
    for word, sentence in _OTHERWISE.items():
        said += f" {sentence} {listed(named[word])}." if named[word] else ""
    return said + (f" The day ended early: {session.ended_early}." if session.ended_early else "")


def _card(tried: Tried, link: str) -> Card:
    outcome = _outcome(tried)
    return Card(
        name=tried.name,
        hypothesis=tried.hypothesis,
        predicted=tried.prediction.outcome,
        because=tried.prediction.because,
        by=tried.prediction.by,
        happened=outcome,
        tone=_TONES.get(outcome, "unclear"),
        sentence=_without_label(tried.verdict.sentence) if tried.verdict else "Somebody said no to it.",
        agreement=tried.agreement,
        agreement_tone=_AGREEMENT_TONES[tried.agreement],
        link=link,
        repeat=tried.repeat,
    )


def _without_label(sentence: str) -> str:
    """ "Held: all ..." under a large "held" says it twice."""
    label, colon, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if colon and " " not in label else sentence


def _bar(session: Session, label: str, tone: str, span: tuple[float, float]) -> Bar:
    length = max(session.ended_at - session.started_at, 1.0)
    begin, end = span
    left = 100 * (begin - session.started_at) / length
    return Bar(label, tone, round(left, 2), round(max(100 * (end - begin) / length, 0.4), 2))


def _fault_bar(session: Session, tried: Tried, hit: Hit) -> Bar:
    label = f"{kind_text(hit.fault)} on {hit.target}"
    return _bar(session, label, "", (hit.began_at, hit.ended_at or tried.ended_at))


def _moments(session: Session) -> Iterator[tuple[float, Moment]]:
    def at(moment: float, kind: str, text: str) -> tuple[float, Moment]:
        return moment, Moment(_clock(moment), kind, text)

    for item in session.tried:
        if item.verdict is None:
            yield at(item.began_at, "run", f"{item.name}: not run")
            continue
        yield at(item.began_at, "run", f"{item.name} begins")
        for (fault, began), hits in _by_moment(item).items():
            targets = listed([hit.target for hit in hits], _MOST_TARGETS)
            ends = [hit.ended_at for hit in hits if hit.ended_at is not None]
            still = len(ends) < len(hits)
            lasted = "not seen to end" if still else f"for {seconds_text(max(ends) - min(h.began_at for h in hits))}"
            yield at(began, "fault", f"{kind_text(fault)} on {targets}, {lasted}")
        yield at(item.ended_at, "run", f"{item.name}: {item.verdict.outcome}")
    for note in session.notes:
        yield at(note.at, "note", note.text)
    if session.ended_early:
        yield at(session.ended_at, "end", f"ended early: {session.ended_early}")


def _by_moment(tried: Tried) -> dict[tuple[str, float], list[Hit]]:
    """Hits of one fault that began within the same second belong together."""
    groups: dict[tuple[str, float], list[Hit]] = {}
    for hit in tried.hits:
        near = next((key for key in groups if key[0] == hit.fault and abs(key[1] - hit.began_at) < 1), None)
        groups.setdefault(near or (hit.fault, hit.began_at), []).append(hit)
    return groups


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
