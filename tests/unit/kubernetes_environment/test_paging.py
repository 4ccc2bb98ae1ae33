"""Pages of a long list: the next one is on its way while one is still read, whatever the server says first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.objects import Named
from chaos.environments.kubernetes.paging import Query, every

PAGES = {
    "": b'{"metadata":{"continue":"x"},"items":[{"metadata":{"name":"a"}}]}',
    "x": b'{"metadata":{"continue":"y"},"items":[{"metadata":{"name":"b"}}]}',
    "y": b'{"metadata":{},"items":[{"metadata":{"name":"c","labels":{"continue":"no"}}}]}',
}


def names(read: Callable[[Query, Callable[[bytes], None]], bytes]) -> list[str]:
    return [each.metadata.name for each in every(read, Named, {})]


def test_the_next_page_is_asked_for_before_the_last_word_of_one() -> None:
    asked = {beginning: Event() for beginning in PAGES}

    def read(query: Query, begun: Callable[[bytes], None]) -> bytes:
        beginning = str(query.get("continue", ""))
        asked[beginning].set()
        begun(PAGES[beginning])
        if beginning == "":
            assert asked["x"].wait(5), "asked for while this page is still read"
        return PAGES[beginning]

    assert names(read) == ["a", "b", "c"]


def test_a_server_that_says_its_last_word_first_is_asked_page_by_page() -> None:
    asked: list[Query] = []

    def read(query: Query, begun: Callable[[bytes], None]) -> bytes:
        asked.append(query)
        begun(b'{"items":[')
        return PAGES[str(query.get("continue", ""))]

    assert names(read) == ["a", "b", "c"]
    assert [each.get("continue") for each in asked] == [None, "x", "y"]


def test_a_page_that_fails_on_its_way_fails_the_list() -> None:
    def read(query: Query, begun: Callable[[bytes], None]) -> bytes:
        if query.get("continue") == "x":
            raise answers.failed("GET /pods", "cluster 'c'", 500, b"")
        begun(PAGES[""])
        return PAGES[""]

    with pytest.raises(answers.ApiFailed, match="500"):
        names(read)
