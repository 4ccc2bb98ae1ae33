"""HTTP as an edge speaks it: parts of files, what the client has already, how long all may be kept, and what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from target_platform.delivery.upstream import Upstream
from target_platform.kit.client import SHED, Reply
from target_platform.kit.errors import CallFailed
from target_platform.weaknesses import effective_policies
from tests.unit.platform.stage import Answer, Platform, media, patient, visit

ORIGIN, HUB, EDGE = "here/origin-1", "here/hub-1", "here/edge-1"
SEGMENT = bytes(range(256)) * 1200
SIZE = len(SEGMENT)
FILE, MANIFEST = "/media/t/segment.ts", "/media/t/master.m3u8"


def caches(folder: Path, **changed: float) -> None:
    """Policies with something else about caches."""
    policies = yaml.safe_load(patient(effective_policies()))
    policies["caches"] |= changed
    (folder / "policies.yaml").write_text(yaml.safe_dump(policies))


async def asked_with(made: Platform, headers: Mapping[str, str], path: str = FILE, method: str = "GET") -> Answer:
    return await made.ask(EDGE, path, method, headers=headers)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=300000-", 300_000, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=-{SIZE + 5}", 0, SIZE),
        (f"bytes=5-{10 * SIZE}", 5, SIZE),
    ],
)
def test_a_part_is_what_was_asked_for(tmp_path: Path, asked: str, start: int, end: int) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        for name in (EDGE, ORIGIN):
            answer = await made.ask(name, FILE, headers={"Range": asked})
            assert (answer.status, answer.body) == (206, SEGMENT[start:end])
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
            assert answer.headers["Content-Length"] == str(end - start)
            assert answer.headers["Content-Type"] == "video/mp2t"
        assert made.log(EDGE)[-1].bytes == end - start

    visit(tmp_path, (ORIGIN, EDGE), play)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 1}-{SIZE + 5}", "bytes=-0"])
def test_beyond_the_end_is_a_416_that_says_how_long_the_file_is(tmp_path: Path, asked: str) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        answer = await asked_with(made, {"Range": asked})
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        assert str(SIZE) in answer.json["error"]

    visit(tmp_path, (ORIGIN, EDGE), play)


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-" + "9" * 30]
)
def test_several_parts_and_what_is_no_part_are_the_whole_file(tmp_path: Path, asked: str) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        answer = await asked_with(made, {"Range": asked})
        assert (answer.status, answer.body) == (200, SEGMENT)

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_part_of_a_file_that_is_not_the_clients_any_more_is_the_whole_file(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        etag = (await made.ask(EDGE, FILE)).headers["ETag"]
        for if_range, status in ((etag, 206), ('"another"', 200), ("Sun, 22 Nov 2026 00:00:00 GMT", 200)):
            assert (await asked_with(made, {"Range": "bytes=5-9", "If-Range": if_range})).status == status

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_head_says_all_and_sends_nothing(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        answer = await asked_with(made, {"Range": "bytes=0-9"}, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == str(SIZE)
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert made.log(EDGE)[-1].bytes == 0

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_who_has_the_file_is_told_so_and_gets_nothing(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        etag = (await made.ask(EDGE, FILE)).headers["ETag"]
        for has, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
            answer = await asked_with(made, {"If-None-Match": has, "Range": "bytes=0-9"} if status == 304 else {})
            assert (answer.status, answer.headers["ETag"]) == (status, etag)
            assert bool(answer.body) == (status == 200)

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=b"")

    async def play(made: Platform) -> None:
        for _ in range(2):
            assert (await made.ask(EDGE, FILE)).status == 200
        assert (await asked_with(made, {"Range": "bytes=0-"})).status == 416

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_how_long_a_file_may_be_kept_is_told_to_the_player_as_the_origin_says_it(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT, master__m3u8=b"#EXTM3U")

    async def play(made: Platform) -> None:
        for path in (FILE, MANIFEST):
            of_origin = await made.ask(ORIGIN, path)
            for _ in range(2):
                answer = await made.ask(EDGE, path)
                assert answer.headers["Cache-Control"] == of_origin.headers["Cache-Control"]
                assert answer.headers["ETag"] == of_origin.headers["ETag"]
                assert int(answer.headers["Age"]) < 50
        assert "immutable" in (await made.ask(EDGE, FILE)).headers["Cache-Control"]
        assert "max-age=4," in (await made.ask(EDGE, MANIFEST)).headers["Cache-Control"]

    visit(tmp_path, (ORIGIN, HUB, EDGE), play)


def test_what_is_old_goes_out_at_once_and_is_made_new_beside(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=b"old")
    caches(tmp_path, manifest_seconds=0, stale_while_revalidate_seconds=1000)

    async def play(made: Platform) -> None:
        await made.ask(EDGE, MANIFEST)
        (tmp_path / "media" / "master.m3u8").write_bytes(b"new")
        answer = await made.ask(EDGE, MANIFEST)
        assert (answer.body, answer.headers["X-Cache"]) == (b"old", "hit")
        while (await made.ask(EDGE, MANIFEST)).body != b"new":  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_has_not_changed_is_asked_for_again_and_not_sent_again(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=b"same")
    caches(tmp_path, manifest_seconds=0, stale_while_revalidate_seconds=0)

    async def play(made: Platform) -> None:
        for found in ("miss", "hit", "hit"):
            answer = await made.ask(EDGE, MANIFEST)
            assert (answer.body, answer.headers["X-Cache"]) == (b"same", found)
        assert [line.status for line in made.log(ORIGIN)] == [200, 304, 304]
        assert [line.status for line in made.log(HUB) if line.path == MANIFEST] == [200, 304, 304]

    visit(tmp_path, (ORIGIN, HUB, EDGE), play)


def test_a_title_that_is_taken_back_is_gone_from_the_caches_as_soon_as_it_is_asked_for_again(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=b"old")
    caches(tmp_path, manifest_seconds=0, stale_while_revalidate_seconds=0)

    async def play(made: Platform) -> None:
        await made.ask(EDGE, MANIFEST)
        (tmp_path / "media" / "master.m3u8").unlink()
        assert (await made.ask(EDGE, MANIFEST)).status == 404

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_storm_for_what_does_not_exist_costs_the_origin_one_request(tmp_path: Path) -> None:
    media(tmp_path)
    caches(tmp_path, missing_seconds=1000)

    async def play(made: Platform) -> None:
        for _ in range(5):
            answers = await asyncio.gather(*(made.ask(EDGE, FILE) for _ in range(10)))
            assert {answer.status for answer in answers} == {404}
            assert "segment.ts" in answers[0].json["error"]
        assert len(made.log(ORIGIN)) == 1

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_was_missing_is_there_a_moment_after_it_came(tmp_path: Path) -> None:
    media(tmp_path)
    caches(tmp_path, missing_seconds=0.05)

    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, FILE)).status == 404
        (tmp_path / "media" / "segment.ts").write_bytes(SEGMENT)
        while (await made.ask(EDGE, FILE)).status == 404:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await made.ask(EDGE, FILE)).body == SEGMENT

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_file_that_somebody_deleted_from_the_cache_is_fetched_again(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        await made.ask(EDGE, FILE)
        for file in (tmp_path / "data" / EDGE / "cache").iterdir():
            file.unlink()
        assert (await made.ask(EDGE, FILE)).body == SEGMENT
        assert (await made.ask(EDGE, FILE)).headers["X-Cache"] == "hit"

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_file_that_cannot_be_opened_now_is_passed_on_and_what_is_kept_stays(tmp_path: Path) -> None:
    """As when no descriptor is free: that says nothing of the file."""
    media(tmp_path, segment__ts=SEGMENT)

    async def play(made: Platform) -> None:
        await made.ask(EDGE, FILE)
        [file] = (tmp_path / "data" / EDGE / "cache").iterdir()
        file.rename(tmp_path / "aside")
        file.symlink_to(file)  # a loop
        for _ in range(2):
            assert (await made.ask(EDGE, FILE)).body == SEGMENT
        (tmp_path / "aside").replace(file)
        again = await made.ask(EDGE, FILE)
        assert (again.body, again.headers["X-Cache"]) == (SEGMENT, "hit")
        assert len(made.log(ORIGIN)) == 3

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_cache_with_nobody_behind_says_that_it_is_well_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is a lost file that it asks for again, and when it does not know yet who may have a title."""
    media(tmp_path, segment__ts=SEGMENT)

    async def nobody(upstream: Upstream, path: str, etag: str = "") -> Reply:
        raise CallFailed("nobody is there", "refused")

    def says_that_it_is_well(answer: Answer) -> bool:
        return (answer.status, answer.headers.get("Retry-After"), answer.headers.get(SHED)) == (503, "1", "behind")

    async def lost(made: Platform) -> None:
        await made.ask(EDGE, FILE)
        for file in (tmp_path / "data" / EDGE / "cache").iterdir():
            file.unlink()
        monkeypatch.setattr(Upstream, "fetch", nobody)
        assert says_that_it_is_well(await made.ask(EDGE, FILE))

    async def unheard(made: Platform) -> None:
        assert says_that_it_is_well(await made.ask(EDGE, FILE))

    visit(tmp_path, (ORIGIN, EDGE), lost)
    visit(tmp_path, (EDGE,), unheard)


def test_a_name_with_thousands_of_digits_is_one_that_does_not_exist(tmp_path: Path) -> None:
    """And what does not exist is not counted as wanted."""
    media(tmp_path)

    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, f"/media/t/{'1' * 5000}.ts")).status == 404
        assert (await made.ask(EDGE, "/load")).json == {"under_way": 0}
        assert (await made.ask(EDGE, "/demand")).json == {"files": {}}

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_cache_without_a_disk_serves_what_it_fetches(tmp_path: Path) -> None:
    media(tmp_path, segment__ts=SEGMENT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "here").touch()  # where folders ought to be

    async def play(made: Platform) -> None:
        for _ in range(2):
            assert (await made.ask(EDGE, FILE)).body == SEGMENT
            assert (await asked_with(made, {"Range": "bytes=70000-170000"})).body == SEGMENT[70_000:170_001]
        assert "edge_unwritten 4.0" in (await made.ask(EDGE, "/metrics")).body.decode()

    visit(tmp_path, (ORIGIN, EDGE), play)
