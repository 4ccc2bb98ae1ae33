"""The pytest fixture `fault_proxy`. Who does not use it does not import the proxy: their tests start as before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chaos.proxy.testing import FaultProxy


@pytest.fixture
def fault_proxy() -> Iterator[FaultProxy]:
    """Gives proxies for what the test talks to, `fault_proxy.to("127.0.0.1:6379")`, and ends them after the test."""
    from chaos.proxy.testing import FaultProxy

    with FaultProxy() as proxy:
        yield proxy
