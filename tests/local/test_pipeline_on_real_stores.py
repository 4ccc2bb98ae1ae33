"""The media pipeline over servers: objects in a bucket, tasks in a broker, and no folder that its processes share."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from target_platform.pipeline.places import opened
from target_platform.pipeline.publish import published
from target_platform.stores.objects.s3 import S3Objects, S3Place
from tests import nats, s3
from tests.local.pipeline_trial import decoded, ended, ingesting, make_master, result
from tests.ports import free, own

pytestmark = pytest.mark.slow
RATE = 24


def test_a_title_is_made_with_a_bucket_and_a_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.APART.items():
        monkeypatch.setenv(name, value)
    master = make_master(tmp_path / "master.mp4", 1)
    ports = free(own(26500, 10))
    with s3.real(next(ports), tmp_path) as endpoint, nats.running(next(ports), tmp_path) as broker:
        store, queue = f"s3://media?endpoint_url={endpoint}&read_seconds=60", f"{broker.url}/encode"
        with closing(S3Objects(S3Place(bucket="media", endpoint_url=endpoint))) as bucket:
            bucket.make_bucket()
        words = [f"--queue={queue}", f"--scratch={tmp_path / 'scratch'}", "--workers=1", "--lease-seconds=60"]
        title = result(ingesting(master, store, *words))
        with opened(store, queue) as places:
            assert published(places.objects, "the-film") == title
            assert decoded(places.objects, title, f"video/{title.renditions[0].name}", tmp_path) == list(range(RATE))
            counts = places.queue.counts()
            assert counts.dead == 0
            assert counts.open <= 1, "of the last task it may not have been said that it is done"
            assert counts.done >= len(title.renditions)


def test_what_is_missing_of_a_place_elsewhere_is_said(tmp_path: Path) -> None:
    master = make_master(tmp_path / "master.mp4", 1)
    refused = ended(ingesting(master, "s3://media"), 2)
    assert refused == "s3://media has no queue: name a file for it, or nats://HOST:PORT/NAME (--queue).\n"
