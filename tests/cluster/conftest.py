"""A small system on a real cluster, whichever KUBECONFIG names: one workload of three pods, spread over the regions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.stage import Stage, the_kubeconfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(the_kubeconfig(), f"chaos-test-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("cluster"))
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


@pytest.fixture
def whole(stage: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The stage with all its pods ready, before and after; afterwards nothing bears a record of ours."""
    stage.home = tmp_path / "home"
    stage.wait_until_ready()
    yield stage
    left = stage.residues()
    for residue in left:
        stage.environment().clear_residue(residue)
    stage.wait_until_ready()
    assert left == ()
