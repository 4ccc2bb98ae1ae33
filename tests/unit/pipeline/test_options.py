"""What the pipeline's command can be told by its environment, as in a pod."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform.pipeline.__main__ import _parser

TOLD = {
    "STEADFAST_STORE": "s3://media?endpoint_url=http://127.0.0.1:7070",
    "STEADFAST_QUEUE": "nats://127.0.0.1:4222/encode",
    "STEADFAST_SCRATCH": "/data/scratch",
    "STEADFAST_LEASE_SECONDS": "3",
}


def test_places_come_from_the_environment_and_a_word_of_the_command_is_stronger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    told = _parser().parse_args(["work", "--store", "media"])
    assert (told.store, told.queue, told.lease_seconds) == ("media", TOLD["STEADFAST_QUEUE"], 3.0)
    assert told.scratch == Path("/data/scratch")


def test_without_a_store_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STEADFAST_STORE", raising=False)
    with pytest.raises(SystemExit):
        _parser().parse_args(["work"])
    assert "--store" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [([], None), (["--territories", "everywhere"], ()), (["--territories", "b, a"], ("a", "b"))],
)
def test_a_limit_is_lifted_by_a_word_and_not_by_saying_nothing(words: list[str], meant: object) -> None:
    assert _parser().parse_args(["ingest", "f", "--title", "t", "--store", "s", *words]).territories == meant


def test_everywhere_and_somewhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["ingest", "f", "--title", "t", "--store", "s", "--territories", "a,everywhere"])
    assert "say one of them" in capsys.readouterr().err
