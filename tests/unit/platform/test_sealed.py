"""What edges seal: the same bytes for who has the key, the key for who may watch; what is published is not sealed."""

from __future__ import annotations

import asyncio
import re
from base64 import urlsafe_b64decode
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from target_platform.delivery import seal, shown
from target_platform.delivery.playlist import NotSealable, sealed_playlist
from target_platform.delivery.territory import watch_prefix
from target_platform.kit.tokens import Tokens
from target_platform.media.ffmpeg import find_binary
from target_platform.media.published import media_path
from target_platform.media.seal_key import seal_key
from target_platform.services import gateway, origin
from target_platform.services.licence import content_key
from tests.unit.platform.published import publish
from tests.unit.platform.stage import SESSION_KEY, Answer, Platform, media, signed_in, visit
from tests.unit.platform.test_edge_http import caches
from tests.unit.platform.test_published_titles import until

ORIGIN, HUB, EDGE, NEXT = "here/origin-1", "here/hub-1", "here/edge-1", "here/edge-2"
LICENCE, GATEWAY = "here/licence-1", "here/gateway-1"
CACHES = (ORIGIN, HUB, NEXT, EDGE)
KEYS = (ORIGIN, "here/catalog-1", LICENCE, GATEWAY)
TITLE, OTHER = "split-brain", "cold-start"
SEGMENTS = {"segment-00.ts": bytes(range(256)) * 800, "segment-01.ts": b"G" * 188, "segment-02.ts": b""}
PLAYLIST = (
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"
    + "".join(f"#EXTINF:4.000000,\n{name}\n" for name in SEGMENTS)
    + "#EXT-X-ENDLIST\n"
)
MASTER = b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1399096,RESOLUTION=1280x720,CODECS="avc1.42c01f"\n720p/playlist.m3u8\n'
AT = f"/sealed/{TITLE}/720p"
FRAMES = ("-c", "copy", "-f", "framemd5", "-")
FIRST = f"{AT}/segment-00.ts"


@pytest.fixture(autouse=True)
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(shown, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(gateway, "LIMITS_EVERY_SECONDS", 0.1)
    files = {f"720p/{name}".replace(".", "__"): content for name, content in SEGMENTS.items()}
    media(tmp_path, master__m3u8=MASTER, **{"720p/playlist__m3u8": PLAYLIST.encode()}, **files)


async def key(made: Platform, title: str = TITLE, **headers: str) -> Answer:
    return await made.ask(GATEWAY, f"/keys/{title}", headers=headers or signed_in("ann@here"))


def opened(content: bytes, key: bytes, iv: bytes) -> bytes:
    """As RFC 8216, 5.2 has it: by a player, that is, without any of our code."""
    decryption = Cipher(AES(key), CBC(iv)).decryptor()
    padding = PKCS7(128).unpadder()
    return padding.update(decryption.update(content) + decryption.finalize()) + padding.finalize()


def test_with_playlist_and_key_all_segments_are_those_of_the_origin(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, f"/sealed/{TITLE}/master.m3u8")).body == MASTER
        playlist = await made.ask(EDGE, f"{AT}/playlist.m3u8")
        assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        told = re.findall(
            r'#EXT-X-KEY:METHOD=AES-128,URI="(.+)",IV=0x([0-9a-f]{32})\n#EXTINF:.*\n(.+)\n', said := text(playlist)
        )
        assert [name for _, _, name in told] == list(SEGMENTS)
        assert len({iv for _, iv, _ in told}) == len(told)
        assert re.sub("#EXT-X-KEY:.*\n", "", said) == PLAYLIST, "and nothing else is changed"
        for uri, iv, name in told:
            given = await made.ask(GATEWAY, uri, headers=signed_in("ann@here"))
            sealed = (await made.ask(EDGE, f"{AT}/{name}")).body
            assert 1 <= len(sealed) - len(SEGMENTS[name]) <= 16
            assert opened(sealed, given.body, bytes.fromhex(iv)) == SEGMENTS[name]
            assert (await made.ask(EDGE, f"/media/{TITLE}/720p/{name}")).body == SEGMENTS[name]

    visit(tmp_path, (*CACHES, *KEYS[1:]), play)


def test_every_cache_makes_the_same_of_a_title_and_something_else_of_another_one(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        mine, next_one, hubs = [await made.ask(server, FIRST) for server in (EDGE, NEXT, HUB)]
        assert (mine.body, mine.headers["ETag"]) == (next_one.body, next_one.headers["ETag"])
        assert mine.body == hubs.body
        other = await made.ask(EDGE, FIRST.replace(TITLE, OTHER))
        assert other.body != mine.body
        assert seal_key("secret", TITLE) != seal_key("secret", OTHER) != seal_key("another", OTHER)

    visit(tmp_path, CACHES, play)


def test_ffmpeg_reads_from_edge_and_gateway_what_it_reads_of_the_clear_clip(tmp_path: Path) -> None:
    folder = tmp_path / "media" / "720p"

    async def play(made: Platform) -> None:
        picture = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=2", "-g", "10", "-bf", "0")
        await ffmpeg(*picture, "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", str(folder / "clip.m3u8"))
        told = text(await made.ask(EDGE, f"{AT}/clip.m3u8"))
        # A player looks for the key at its gateway; ffmpeg knows of none, so it is told the whole address.
        told = told.replace('URI="', f'URI="http://{made.address(GATEWAY)}')
        told = re.sub(r"^(clip\d)", rf"http://{made.address(EDGE)}{AT}/\1", told, flags=re.MULTILINE)
        (tmp_path / "media" / "told.m3u8").write_text(told)
        session = f"Authorization: {signed_in('ann@here')['Authorization']}\r\n"
        way = ("-headers", session, "-i", f"http://{made.address(EDGE)}/media/{TITLE}/told.m3u8")
        clear = await ffmpeg("-i", str(folder / "clip.m3u8"), *FRAMES)
        assert clear.count(b"0, ") >= 20
        assert await ffmpeg(*way, *FRAMES) == clear
        assert {each.status for each in made.log(GATEWAY)} == {200}

    visit(tmp_path, (*CACHES, *KEYS[1:]), play)


def test_however_many_want_a_sealed_segment_it_is_fetched_and_sealed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []
    sealed = seal.sealed

    def counted(content: bytes, key: bytes, iv: bytes) -> bytes:
        times.append(len(content))
        return sealed(content, key, iv)

    monkeypatch.setattr(seal, "sealed", counted)

    async def play(made: Platform) -> None:
        answers = await asyncio.gather(*(made.ask(EDGE, FIRST) for _ in range(30)))
        assert len({each.body for each in answers}) == 1
        again = await made.ask(EDGE, FIRST)
        assert (again.headers["X-Cache"], again.body) == ("hit", answers[0].body)
        assert len(times) == 1
        assert [each.path for each in made.log(ORIGIN)].count(seal.clear_path(FIRST)) == 1

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_is_sealed_is_served_in_parts_named_and_headed_like_any_file(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        whole = await made.ask(EDGE, FIRST)
        assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp2t")
        assert "immutable" in whole.headers["Cache-Control"]
        part = await made.ask(EDGE, FIRST, headers={"Range": "bytes=70000-170000"})
        assert (part.status, part.body) == (206, whole.body[70_000:170_001])
        beyond = await made.ask(EDGE, FIRST, headers={"Range": f"bytes={len(whole.body)}-"})
        assert beyond.status == 416
        had = await made.ask(EDGE, FIRST, headers={"If-None-Match": whole.headers["ETag"]})
        assert (had.status, had.body) == (304, b"")
        head = await made.ask(EDGE, FIRST, "HEAD")
        assert (head.headers["Content-Length"], head.body) == (str(len(whole.body)), b"")
        assert whole.headers["ETag"] != (await made.ask(EDGE, seal.clear_path(FIRST))).headers["ETag"]

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_a_playlist_that_is_changed_at_the_origin_is_sealed_anew_and_one_that_is_not_is_not(tmp_path: Path) -> None:
    caches(tmp_path, manifest_seconds=0, stale_while_revalidate_seconds=0)
    path, file = f"{AT}/playlist.m3u8", tmp_path / "media" / "720p" / "playlist.m3u8"

    async def play(made: Platform) -> None:
        before = await made.ask(EDGE, path)
        assert (await made.ask(EDGE, path)).headers["X-Cache"] == "hit", "the tier behind said 304"
        file.write_text(PLAYLIST.replace("segment-02.ts", "segment-01.ts"))
        after = await made.ask(EDGE, path)
        assert text(after).count("segment-01.ts") == 2
        assert after.headers["ETag"] != before.headers["ETag"]
        file.unlink()
        assert (await made.ask(EDGE, path)).status == 404

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_the_disk_has_lost_of_the_clear_file_is_fetched_again_to_seal_it(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, seal.clear_path(FIRST))).status == 200
        for kept in (tmp_path / "data" / EDGE / "cache").iterdir():
            kept.unlink()
        assert (await made.ask(EDGE, FIRST)).status == 200
        assert (await made.ask(EDGE, f"{AT}/segment-07.ts")).status == 404

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_what_nobody_has_cannot_be_sealed_and_the_cache_is_well(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await made.ask(EDGE, FIRST)).status == 503
        assert (await made.ask(EDGE, "/healthz")).status == 200

    visit(tmp_path, (EDGE,), play)


def test_what_is_published_is_encrypted_already_and_is_not_sealed(tmp_path: Path) -> None:
    film = publish(tmp_path / "store", TITLE)

    async def play(made: Platform) -> None:
        master = await until(lambda: made.ask(EDGE, f"/sealed/{TITLE}/master.m3u8"), lambda said: said.status == 409)
        refused = [
            master,
            *[
                await made.ask(EDGE, media_path(f"{film.folder}/{name}").replace("/media/", "/sealed/"))
                for name in ("master.m3u8", "video/h264-240.m3u8", "video/h264-240/00001.m4s", "nothing.ts")
            ],
        ]
        assert [each.status for each in refused] == [409] * 5
        assert {each.json["error"] for each in refused} == {
            f"what is published of {TITLE} is encrypted already: POST /play/{TITLE} says where it is"
        }
        assert (await made.ask(EDGE, FIRST)).status == 200, "who is in the middle of the clip"
        picture = await made.ask(EDGE, f"/sealed/{TITLE}/poster.jpg")
        assert (picture.status, "poster.jpg" in picture.json["error"]) == (409, True)

    visit(tmp_path, (ORIGIN, EDGE), play, store=str(tmp_path / "store"))


@pytest.mark.parametrize(
    "text",
    [
        "no playlist",
        '#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n#EXTINF:4,\na.ts\n',
        '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:4,\na.m4s\n',
        "#EXTM3U\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@0\na.ts\n",
        "#EXTM3U\n#EXTINF:4,\na.m4s\n",
        "#EXTM3U\n#EXTINF:4,\nhttps://elsewhere.example/a.ts\n",
        "#EXTM3U\n#EXTINF:4,\n../../other/a.ts\n",
        "#EXTM3U\n#EXTINF:4,\na.ts?part=1\n",
    ],
)
def test_a_playlist_of_what_this_cache_would_not_seal_is_refused_and_not_given_out_half_sealed(text: str) -> None:
    with pytest.raises(NotSealable):
        sealed_playlist(text.encode(), f"{AT}/playlist.m3u8", lambda _: bytes(16))


def test_a_playlist_of_the_first_version_becomes_one_that_knows_vectors() -> None:
    made = sealed_playlist(b"#EXTM3U\n#EXTINF:4,\na%20b.ts", f"{AT}/playlist.m3u8", lambda path: path[-16:].encode())
    said = f'#EXT-X-KEY:METHOD=AES-128,URI="/keys/{TITLE}",IV=0x{(f"{AT}/a%20b.ts"[-16:]).encode().hex()}\n'
    assert made.decode() == f"#EXTM3U\n#EXT-X-VERSION:3\n{said}#EXTINF:4,\na%20b.ts"


def test_the_limits_of_a_title_hold_for_its_sealed_form_and_for_its_key(tmp_path: Path) -> None:
    publish(tmp_path / "store", TITLE, territories=("here",))
    refusals = {"": 403, "/t/forged": 403, watch(OTHER, "here"): 403, watch(TITLE, "there"): 451}

    async def play(made: Platform) -> None:
        for server in (EDGE, HUB):
            await until(partial(made.ask, server, FIRST), lambda said: said.status == 403)
            for kept in (False, True):
                for prefix, status in refusals.items():
                    got = await made.ask(server, prefix + FIRST)
                    assert (got.status, "ETag" in got.headers) == (status, False), (server, prefix, kept)
                assert (await made.ask(server, watch(TITLE, "here") + FIRST)).status == 200
        playlist = await made.ask(EDGE, f"{watch(TITLE, 'here')}{AT}/playlist.m3u8")
        assert f'URI="/keys/{TITLE}"' in text(playlist)
        assert "/t/" not in text(playlist)
        outside = await until(lambda: key(made, **signed_in("bob@there")), lambda said: said.status == 451)
        assert outside.json["error"] == f"{TITLE} may be watched in here only"
        assert (await key(made)).status == 200

    visit(tmp_path, (*CACHES, *KEYS[1:]), play, store=str(tmp_path / "store"))


def test_the_key_is_given_to_a_session_and_to_nobody_else_and_is_none_of_a_licence(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        given = await key(made)
        assert (given.status, len(given.body)) == (200, 16)
        assert given.headers["Content-Type"] == "application/octet-stream"
        assert given.headers["Cache-Control"] == "no-store"
        assert given.body == (await key(made, **signed_in("eve@there"))).body != (await key(made, OTHER)).body
        assert given.body != urlsafe_b64decode(content_key("secret", TITLE).k + "==")
        for headers in ({"X-Nothing": ""}, {"Authorization": "Bearer forged"}, renewal()):
            assert (await key(made, **headers)).status == 401
        straight = await made.ask(LICENCE, "/keys", "POST", json={"title": TITLE, "session": "forged"})
        assert straight.status == 401
        nothing = await key(made, "nothing")
        assert (nothing.status, nothing.json["error"]) == (404, "there is no sealed title nothing, so there is no key")

    visit(tmp_path, KEYS, play)


def test_on_an_account_with_a_plan_the_key_is_for_who_has_a_seat(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        ann = signed_in("ann@here", "basic", "tv")
        seat = Tokens(SESSION_KEY).issue(f"tv ann@here {TITLE}", "seat", 60)
        assert (await key(made, **ann)).status == 403
        assert (await key(made, OTHER, **ann, **{"X-Seat": seat})).status == 403
        assert (await key(made, **ann, **{"X-Seat": seat})).status == 200

    visit(tmp_path, KEYS, play)


def test_no_key_is_in_any_file_that_is_written_nor_at_any_door_of_an_edge(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        secret = (await key(made)).body
        for path in (f"{AT}/playlist.m3u8", FIRST):
            assert secret not in (await made.ask(EDGE, path)).body
        assert (await made.ask(EDGE, f"/keys/{TITLE}")).status == 404
        written = contents(tmp_path)
        assert any(f"/keys/{TITLE}".encode() in content for content in written), "the log says who was asked"
        for spelled in (secret, secret.hex().encode()):
            assert not any(spelled in content for content in written)

    visit(tmp_path, (*CACHES, *KEYS[1:]), play)


def test_who_starts_a_title_is_told_of_its_sealed_form_if_it_has_one(tmp_path: Path) -> None:
    publish(tmp_path / "store", OTHER)
    names = (ORIGIN, "here/catalog-1", EDGE, "here/playback-1", GATEWAY)

    async def play(made: Platform) -> None:
        async def start(title: str) -> Answer:
            return await made.ask(GATEWAY, f"/play/{title}", "POST", headers=signed_in("ann@here"))

        published = await until(lambda: start(OTHER), lambda said: "dash" in said.json)
        assert "sealed" not in published.json
        offer = (await start(TITLE)).json
        assert offer["playlist"] == f"/media/{TITLE}/master.m3u8"
        assert (await made.ask(EDGE, offer["sealed"])).body == MASTER

    visit(tmp_path, names, play, store=str(tmp_path / "store"))


async def ffmpeg(*arguments: str) -> bytes:
    """What it writes to its standard output."""
    program, options = find_binary("ffmpeg"), ("-nostdin", "-loglevel", "error")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, *options, *arguments, stdout=pipe, stderr=pipe)
    try:
        said, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return said


def watch(title: str, territory: str) -> str:
    return watch_prefix(Tokens(SESSION_KEY), title, territory)


def renewal() -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(SESSION_KEY).issue('ann@here', 'renewal', 60)}"}


def contents(folder: Path) -> list[bytes]:
    """Of all files below it."""
    return [each.read_bytes() for each in folder.rglob("*") if each.is_file()]


def text(answer: Answer) -> str:
    return answer.body.decode()
