"""The sealed form of what is kept in the clear: /sealed/TITLE/PATH is /media/TITLE/PATH, encrypted by this cache.

Segments are encrypted whole (AES-128-CBC, padded as PKCS #7 says) and media playlists say with what, as in RFC 8216,
4.3.2.4 and 5.2; master playlists name both by relative addresses and stay as they are. To the lookup this is where
files come from, like the tier behind: so what is sealed is kept, and made once, however many wait for it.

Each segment has an initialisation vector of its own, made from its path. RFC 8216's default, the segment's number, is
the same in all qualities, and their first bytes are alike: under one key that would show. It is not random, so that
all caches make the same bytes, and a player can go on at another one in the middle of a segment.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from hashlib import sha256
from urllib.parse import unquote

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from target_platform.delivery.kept import Kept
from target_platform.delivery.playlist import NotSealable, sealed_playlist
from target_platform.delivery.shown import Shown
from target_platform.delivery.upstream import Upstream
from target_platform.kit.client import Reply
from target_platform.kit.errors import CallFailed
from target_platform.media.published import file_key
from target_platform.media.seal_key import seal_key

SEALED, CLEAR = "/sealed/", "/media/"
MASTER = "master.m3u8"
BLOCK_BYTES = 16


class Clear:
    """What the cache has, or gets, in the clear: `find` a path, its `age`, and that the disk has `lost` it."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[Kept | Reply]],
        age: Callable[[Kept], float],
        lost: Callable[[str], None],
    ) -> None:
        self._find, self.age, self._lost = find, age, lost

    async def read(self, path: str) -> tuple[Kept, bytes] | Reply:
        """A file and its bytes, or the answer that there is none. Raises CallFailed."""
        for _ in range(2):
            found = await self._find(path)
            if isinstance(found, Reply):
                return found
            try:
                return found, found.content()
            except FileNotFoundError:
                self._lost(path)
            except OSError as error:  # no descriptor is free, say: what is kept is as good as before
                raise CallFailed(f"{path} cannot be opened: {error.strerror}", "status") from error
        raise CallFailed(f"{path} is not on this cache's disk, as often as it is fetched", "status")


class Sealing:
    """Where a lookup's files come from: what is sealed is made here, all else comes from the tiers behind."""

    def __init__(self, secret: str, behind: Upstream, shown: Shown, clear: Clear) -> None:
        self._secret = secret
        self._behind = behind
        self._shown = shown
        self._clear = clear

    async def fetch(self, path: str, etag: str = "") -> Reply:
        """With the `etag` of what is kept already, the answer may be a 304. Raises CallFailed when nobody has one."""
        if not path.startswith(SEALED):
            return await self._behind.fetch(path, etag)
        title, _, rest = unquote(path.removeprefix(SEALED)).partition("/")
        try:
            self._check(title, rest)
            read = await self._clear.read(clear_path(path))
            if isinstance(read, Reply):
                return read
            kept, content = read
            made = await asyncio.to_thread(self._sealed, title, path, content, kept.content_type)
        except NotSealable as reason:
            return Reply(status=409, body=msgspec.json.encode({"error": str(reason)}))
        age = f"{self._clear.age(kept):.0f}"
        headers = {"ETag": made.etag, "Cache-Control": kept.cache_control, "Age": age}
        if made.etag == etag:
            return Reply(status=304, headers=headers)
        return Reply(body=made.body, headers=headers, content_type=made.content_type)

    def _check(self, title: str, rest: str) -> None:
        """Who is in the middle of the clip when its title is published goes on with it, so only a start is refused."""
        if file_key(title, rest) or (rest == MASTER and self._shown.title(title)):
            raise NotSealable(f"what is published of {title} is encrypted already: POST /play/{title} says where it is")
        if not rest.endswith((".ts", ".m3u8")):
            raise NotSealable(f"{rest} of {title} has no sealed form: playlists (.m3u8) and segments (.ts) have")

    def _sealed(self, title: str, path: str, content: bytes, content_type: str) -> Kept:
        key = seal_key(self._secret, title)
        if path.endswith(".ts"):
            return Kept.made(sealed(content, key, vector(key, path)), content_type)
        return Kept.made(sealed_playlist(content, path, lambda segment: vector(key, segment)), content_type)


def clear_path(path: str) -> str:
    """Of what is sealed the same in the clear, of all else the path itself."""
    return CLEAR + path.removeprefix(SEALED) if path.startswith(SEALED) else path


def vector(key: bytes, path: str) -> bytes:
    """The initialisation vector of the segment with this path, as it is kept."""
    return hmac.new(key, path.encode(), sha256).digest()[:BLOCK_BYTES]


def sealed(content: bytes, key: bytes, iv: bytes) -> bytes:
    """One to sixteen bytes longer than `content`."""
    padding = PKCS7(8 * BLOCK_BYTES).padder()
    encryption = Cipher(AES(key), CBC(iv)).encryptor()
    return encryption.update(padding.update(content) + padding.finalize()) + encryption.finalize()
