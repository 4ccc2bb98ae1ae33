"""The media pipeline on a real cluster, in both of its forms: workers die, titles come out whole, viewers play them."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

import boto3
import msgspec
import pytest

from target_platform import services
from target_platform.media.published import Published, media_path
from tests import nats, s3
from tests.cluster.charts import CHART, IMAGE, MEDIA_IMAGE, address_here, kubeconfig, run
from tests.cluster.stage import wait_until
from tests.local.pipeline_trial import make_master
from tests.ports import free, own

pytestmark = pytest.mark.slow
SECONDS = 8
SERVING = ("edge", "hub", "origin")
"""What is between a store and a viewer; the other services are left out, to be quick."""

TAKE_IN = 'cat > /data/master.mp4 && exec python -m target_platform.pipeline ingest /data/master.mp4 --workers 0 "$@"'
FIND_ENCODER = """
import os, pathlib, signal, sys, time
def words(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(bytes(1))
    except OSError:
        return []
print("looking")
ends = time.monotonic() + 120
while time.monotonic() < ends:
    for pid in (each for each in os.listdir("/proc") if each.isdigit()):
        if b"-frames:v" in (said := words(pid)) and b"-g" in said:
            parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if b"work" in words(parent):
                os.kill(parent if sys.argv[1] == "KILL" else int(pid), getattr(signal, f"SIG{sys.argv[1]}"))
                sys.exit()
    time.sleep(0.01)
sys.exit("nobody encodes")
"""
"""Sends a signal: STOP to an encoder, so that it stays in the middle of its segment, or KILL to the worker above it."""


@dataclass(frozen=True)
class Made:
    """A pipeline and what serves its titles, in a namespace of its own and in one region."""

    namespace: str
    region: str

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(["kubectl", "--namespace", self.namespace, *arguments])

    def pods(self, name: str) -> list[dict[str, Any]]:
        found = self.kubectl("get", "pods", "--selector", f"app.kubernetes.io/name={name}", "--output", "json")
        items: list[dict[str, Any]] = json.loads(found.stdout)["items"]
        return items

    @contextmanager
    def ingesting(self, master: Path, title: str) -> Iterator[subprocess.Popen[str]]:
        """As docs/how-to/platform-on-kubernetes.md has it."""
        inside = ["exec", "-i", f"service/shelf-{self.region}", "--", "sh", "-c", TAKE_IN, "sh"]
        command = ["kubectl", "-n", self.namespace, *inside, "--title", title, "--segment-seconds", "1"]
        pipe = subprocess.PIPE
        with master.open("rb") as source:
            process = subprocess.Popen(command, stdin=source, stdout=pipe, stderr=pipe, text=True)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def is_ready(self) -> bool:
        pods = json.loads(self.kubectl("get", "pods", "--output", "json").stdout)["items"]
        ready = [
            condition["status"]
            for pod in pods
            for condition in pod["status"].get("conditions", ())
            if condition["type"] == "Ready"
        ]
        return bool(pods) and ready == ["True"] * len(pods)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_master(tmp_path_factory.mktemp("master") / "master.mp4", SECONDS, "640x360")


def test_in_one_pod_a_title_comes_out_whole_though_a_worker_is_killed_in_the_middle_of_a_segment(
    master: Path, tmp_path: Path
) -> None:
    with pipeline(tmp_path, {}) as made:
        [pod] = made.pods("pipeline")
        name = pod["metadata"]["name"]
        with hunting(made, name, "KILL") as hunter, made.ingesting(master, "the-film") as process:
            title = published(process)
            assert hunter.wait(60) == 0
        [after] = made.pods("pipeline")
        restarts = {each["name"]: each["restartCount"] for each in after["status"]["containerStatuses"]}
        assert after["metadata"]["uid"] == pod["metadata"]["uid"]
        assert (restarts["shelf"], restarts["work-1"] + restarts["work-2"]) == (0, 1), restarts
        assert_played_whole(made, title)


def test_on_a_real_store_and_a_real_queue_it_does_so_though_a_workers_pod_is_deleted(
    master: Path, tmp_path: Path
) -> None:
    here = address_here()
    ports = free(own(26460, 4))
    (tmp_path / "s3").mkdir()
    (tmp_path / "nats").mkdir()
    with (
        s3.real(next(ports), tmp_path / "s3", here) as address,
        nats.running(next(ports), tmp_path / "nats", here) as queue,
    ):
        credentials = dict(zip(("aws_access_key_id", "aws_secret_access_key"), s3.CREDENTIALS.values(), strict=True))
        boto3.client("s3", endpoint_url=address, region_name="us-east-1", **credentials).create_bucket(Bucket="media")
        places = {"store": f"s3://media?endpoint_url={address}", "queue": f"{queue.url}/encode", "shelves": 1}
        # One worker, so that it is known who encodes.
        with pipeline(tmp_path, {**places, "credentialsSecret": "mine", "workers": 1}) as made:
            [worker] = made.pods("worker")
            doomed = worker["metadata"]["name"]
            with hunting(made, doomed, "STOP") as hunter, made.ingesting(master, "the-film") as process:
                assert hunter.wait(180) == 0
                deleted = made.kubectl("delete", "pod", doomed, "--force", "--grace-period=0")
                assert deleted.returncode == 0, deleted.stderr
                title = published(process)
            assert doomed not in {each["metadata"]["name"] for each in made.pods("worker")}
            assert_played_whole(made, title)


@contextmanager
def pipeline(folder: Path, settings: dict[str, object]) -> Iterator[Made]:
    """With two workers, unless `settings` have it otherwise. Gone when the block ends."""
    kubeconfig()
    nodes = json.loads(run(["kubectl", "get", "nodes", "--output", "json"]).stdout)["items"]
    region = min(each["metadata"]["labels"]["topology.kubernetes.io/region"] for each in nodes)
    made = Made(f"chaos-p-{uuid.uuid4().hex[:8]}", region)
    assert run(["kubectl", "create", "namespace", made.namespace]).returncode == 0
    try:
        words = [f"--from-literal={key}={value}" for key, value in s3.CREDENTIALS.items()]
        assert made.kubectl("create", "secret", "generic", "mine", *words).returncode == 0
        file = folder / "values.json"
        file.write_text(json.dumps(_values(region, settings)))
        done = run(["helm", "install", "made", str(CHART), "-n", made.namespace, "--values", str(file)])
        assert done.returncode == 0, done.stderr
        wait_until(made.is_ready, 240, "all are ready", lambda: made.kubectl("get", "pods").stdout)
        yield made
    finally:
        run(["kubectl", "delete", "namespace", made.namespace, "--wait=false"])


def _values(region: str, settings: dict[str, object]) -> dict[str, object]:
    (repository, tag), (media, media_tag) = (each.rsplit(":", 1) for each in (IMAGE, MEDIA_IMAGE))
    return {
        "image": {"repository": repository, "tag": tag},
        "regions": [region],
        "drainSeconds": 0,
        "services": {name: {"replicas": int(name in SERVING)} for name in services.names()},
        "pipeline": {
            "enabled": True,
            "image": {"repository": media, "tag": media_tag},
            "workers": 2,
            "leaseSeconds": 3,
            **settings,
        },
    }


def published(process: subprocess.Popen[str]) -> Published:
    printed, complained = process.communicate(timeout=240)
    assert process.returncode == 0, complained
    return msgspec.json.decode(printed, type=Published)


@contextmanager
def hunting(made: Made, pod: str, signal: str) -> Iterator[subprocess.Popen[str]]:
    """FIND_ENCODER in a pod: it looks already when the block begins, and ends with 0 when it has sent the signal."""
    command = ["kubectl", "-n", made.namespace, "exec", pod, "--", "python", "-u", "-c", FIND_ENCODER, signal]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as hunter:
        try:
            assert hunter.stdout is not None
            assert hunter.stdout.readline() == "looking\n"
            yield hunter
        finally:
            hunter.kill()


def assert_played_whole(made: Made, title: Published) -> None:
    """A viewer outside the cluster gets every segment of every track, once, by an edge's published port."""
    address = f"http://{_edge(made)}{media_path(title.hls)}"
    wait_until(lambda: _is_there(address), 60, "an edge has it")
    tracks = [urljoin(address, each) for each in _lines(address)]
    assert len(tracks) == len(title.renditions) > 1
    for track in tracks:
        segments = _lines(track)
        assert len(set(segments)) == len(segments) == SECONDS, (track, segments)
        for each in segments:
            body = _got(urljoin(track, each))
            assert b"moof" in body[:200], each


def _is_there(address: str) -> bool:
    try:
        return bool(_got(address))
    except HTTPError:
        return False


def _edge(made: Made) -> str:
    """A node's address and the port at which it passes viewers on to edges."""
    service = json.loads(made.kubectl("get", "service", f"edge-{made.region}-public", "--output", "json").stdout)
    [pod] = made.pods("edge")
    return f"{pod['status']['hostIP']}:{service['spec']['ports'][0]['nodePort']}"


def _lines(playlist: str) -> list[str]:
    """What a playlist names: other playlists, or segments."""
    text = _got(playlist).decode()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _got(address: str) -> bytes:
    with urlopen(address, timeout=20) as answer:
        body: bytes = answer.read()
        return body
