"""What a tag says of an injection is written in characters that all services of AWS take, and read back as it was."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chaos.environments.aws.records import Hold, holds_in, key_of, keys_of, tag_of, tags_of

_TAKEN_BY_ALL = re.compile(r"[\w +\-=.:/@]{0,256}", re.ASCII)


@given(st.text(), st.text(), st.floats(0, 4e9))
def test_whatever_was_before_is_read_back_as_it_was(what: str, was: str, until: float) -> None:
    tags = tags_of("a run/1.1", Hold(what=what, until=until, was=was))
    assert all(_TAKEN_BY_ALL.fullmatch(each) for pair in tags.items() for each in pair)
    [(holder, hold)] = holds_in(tags).items()
    assert (holder, hold.what, hold.was) == ("a run/1.1", what, was)
    assert abs(hold.until - until) < 0.001


def test_what_is_long_goes_on_in_other_tags_which_are_all_taken_off() -> None:
    long = ",".join(f"i-{number:017x}:8080" for number in range(100))
    tags = {"Name": "web", **tags_of("run/1.1", Hold(what="targets", until=1.0, was=long))}
    assert len(tags) > 5
    assert holds_in(tags)["run/1.1"].was == long
    assert set(keys_of("run/1.1", tags)) == tags.keys() - {"Name"}
    assert keys_of("run/1.2", tags) == []


def test_one_tag_says_the_same_as_many() -> None:
    hold = Hold(what="stop", until=2.5, was="running")
    assert tags_of("run/1.1", hold) == {key_of("run/1.1"): tag_of("run/1.1", hold)["Value"]}


def test_what_somebody_has_changed_is_said_to_be_unreadable() -> None:
    assert holds_in({key_of("run/1.1"): "gone fishing"})["run/1.1"].what == "unreadable"
    assert holds_in({key_of("run/1.1"): "soon/stop/running"})["run/1.1"].what == "unreadable"
