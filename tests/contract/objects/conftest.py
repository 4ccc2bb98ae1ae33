"""The stores that must keep the contract: the embedded one, and S3 with an emulated and with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.objects.s3 import S3Objects, S3Place
from tests import s3
from tests.ports import free, own


@pytest.fixture(scope="session")
def credentials() -> Iterator[None]:
    """Those of the servers, and nothing of the user's."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in s3.APART.items():
            environment.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory, credentials: None) -> Iterator[S3Objects]:
    with s3.emulated(next(free(own(26400, 10))), tmp_path_factory.mktemp("moto")) as address:
        yield from _bucket_at(address)


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory, credentials: None) -> Iterator[S3Objects]:
    with s3.real(next(free(own(26420, 10))), tmp_path_factory.mktemp("versitygw")) as address:
        yield from _bucket_at(address)


@pytest.fixture(params=["disk", "moto", "versitygw"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    """With nothing in it."""
    if request.param == "disk":
        made = DiskObjects(tmp_path / "objects")
        yield made
        made.close()
    else:
        server = request.getfixturevalue(request.param)
        yield server
        _empty(server)


@pytest.fixture
def is_emulated(request: pytest.FixtureRequest, objects: Objects) -> bool:
    """moto answers some questions about uploads that are gone with a server error, and tells no part's checksum."""
    return "moto" in request.node.name


def _bucket_at(address: str) -> Iterator[S3Objects]:
    """One client for all tests: boto3 takes a tenth of a second to make one."""
    objects = S3Objects(S3Place(bucket="media", endpoint_url=address, connect_seconds=60.0, read_seconds=60.0))
    objects.make_bucket()
    yield objects
    objects.close()


def _empty(objects: Objects) -> None:
    for each in objects.under():
        objects.delete(each.key)
    for upload in objects.uploads():
        objects.abort(upload)
