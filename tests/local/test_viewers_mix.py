"""Viewers of a mix, driven as `chaos run` drives them, by two workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.load.driver import LocustLoad
from chaos.model.errors import BadInput
from chaos.model.experiment import Load
from tests.local.load_trial import collect, finish, started, streams_of
from tests.local.viewers_fakes import fake_platform


def test_viewers_are_those_of_the_mix_whoever_of_two_workers_makes_them(tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text("{summary: s, devices: {phone: 1.0}, regions: {east: 1.0}}")
    load = Load(
        locustfile="viewers",
        arrivals_per_second=15,
        time_scale=16,
        drain_seconds=4,
        workers=2,
        mix=str(tmp_path / "mix.yaml"),
    )
    with (
        fake_platform() as platform,
        started(load, tmp_path, CHAOS_STATE_FILE=str(platform.state_file(tmp_path))) as source,
    ):
        reports = collect(source, 1.5) + finish(source)
    assert {stream.region for stream in streams_of(reports, "home")} == {"east"}
    assert sum(stream.count for stream in streams_of(reports, "home")) > 10
    assert reports[-1].finished


def test_a_mistake_in_a_mix_is_one_sentence_before_there_is_any_load(tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text("{summary: s, regions: {mars: 1.0}}")
    with fake_platform() as platform:
        settings = {"CHAOS_STATE_FILE": str(platform.state_file(tmp_path))}
        load = Load(locustfile="viewers", arrivals_per_second=1, mix=str(tmp_path / "mix.yaml"))
        with pytest.raises(BadInput, match="regions names 'mars'; there are east, west"):
            LocustLoad(load, settings, 1, tmp_path).start()
