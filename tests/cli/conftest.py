"""One small system for all tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.small_system import SmallSystem
from tests.ports import own


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("cli"), own(27100, 40))
    small.start()
    try:
        yield small
    finally:
        small.stop()
