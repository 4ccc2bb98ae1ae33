"""One emulated account for all tests of this folder, filled anew for each that has changed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.emulated import Emulated, emulated
from tests.cloud.larger import Larger, do_what_moto_does_not, enlarge
from tests.cloud.standin import Standin, standing_in
from tests.cloud.test_runs import Desk
from tests.ports import free, own


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("aws"), next(free(own(26350, 20)))) as server:
        yield server


@pytest.fixture
def aws(_server: Emulated, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Emulated:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    too_much = _server.is_larger and "larger" not in request.fixturenames
    if too_much or not _server.is_as_filled:
        _server.forget()
        _server.fill()
    _server.is_as_filled = False
    return _server


@pytest.fixture
def desk(aws: Emulated, tmp_path: Path) -> Desk:
    return Desk(aws, tmp_path)


@pytest.fixture(scope="session")
def _through(_server: Emulated) -> Iterator[tuple[Emulated, Standin]]:
    """The account by way of a stand-in, with clients of its own: boto3 takes seconds to make all of them."""
    port = next(free(own(26390, 20)))
    with standing_in(_server.endpoint, port) as standin:
        through = Emulated(f"http://127.0.0.1:{port}")
        yield through, standin
        through.close()


@pytest.fixture
def larger(aws: Emulated, _through: tuple[Emulated, Standin]) -> Iterator[Larger]:
    through, standin = _through
    through.zone_id = aws.zone_id
    standin.answers.clear()
    standin.asked.clear()
    standin.seen.clear()
    if not aws.is_larger:
        enlarge(through)
        aws.is_larger = True
    do_what_moto_does_not(through, standin)
    yield Larger(through, standin)
    aws.is_as_filled, through.is_as_filled = through.is_as_filled, False
