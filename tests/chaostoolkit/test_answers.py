"""Every kind of experiment ends with an honest exit code, and with the original's where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.model.errors import BadInput, ExitCode
from tests.chaostoolkit import corpus
from tests.chaostoolkit.corpus import SAMPLES, Sample
from tests.chaostoolkit.trial import chaos, run, write


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.what)
def test_the_exit_code_is_honest_and_the_originals_is_known(sample: Sample, folder: Path) -> None:
    document = sample.build(str(folder))
    if sample.ours == ExitCode.BAD_INPUT:
        with pytest.raises(BadInput):
            run(folder, document)
        return
    ran = run(folder, document)
    assert (ran.code, ran.theirs) == (sample.ours, sample.theirs), ran.story


def test_the_command_says_it_in_words_and_strict_changes_only_the_code(folder: Path) -> None:
    file = str(write(folder, corpus.broken_before(str(folder))))
    ours = chaos(folder, "run", file)
    assert ours.returncode == 4, ours.stdout + ours.stderr
    assert "not steady before: probe 'nothing is there'" in " ".join(ours.stdout.split())
    assert chaos(folder, "report", "last").returncode == 4
    strict = chaos(folder, "run", file, "--strict-chaostoolkit")
    assert strict.returncode == 0, strict.stdout + strict.stderr
    assert "Refused" in strict.stdout


def test_a_misspelt_key_has_its_place_and_what_was_meant(folder: Path) -> None:
    file = str(write(folder, corpus.misspelt(str(folder))))
    done = chaos(folder, "run", file)
    assert done.returncode == 2
    assert 'experiment.json:44:3: an experiment has no key "rollback"' in done.stderr, done.stderr
    assert 'did you mean "rollbacks"?' in done.stderr
    strict = chaos(folder, "run", file, "--strict-chaostoolkit")
    assert strict.returncode == 0, strict.stderr
    assert "rollbacks" in strict.stderr, "it is still told"


def test_a_file_that_cannot_be_used_is_1_for_those_who_want_the_originals_code(folder: Path) -> None:
    file = str(write(folder, {"title": "no method", "description": "at all"}))
    assert chaos(folder, "run", file).returncode == 2
    assert chaos(folder, "run", file, "--strict-chaostoolkit").returncode == 1
