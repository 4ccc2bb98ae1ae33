"""A title in a store, without the encoding: what the pipeline would have published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from target_platform.media.published import Published, Rendition, pointer_key, published_prefix
from target_platform.stores.objects.on_disk import DiskObjects

FILES = {
    "master.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=426x240\nvideo/h264-240.m3u8\n",
    "manifest.mpd": b"<MPD/>",
    "video/h264-240.m3u8": b'#EXTM3U\n#EXT-X-MAP:URI="h264-240/init.mp4"\n#EXTINF:4,\nh264-240/00001.m4s\n',
    "video/h264-240/init.mp4": b"init",
    "video/h264-240/00001.m4s": bytes(range(256)) * 40,
}


def publish(store: Path, title: str, number: int = 1, **changes: Any) -> Published:
    """Version `number` of a title, in `store` as the pipeline is told it."""
    objects = DiskObjects(store / "objects")
    try:
        prefix = f"{published_prefix(title, f'{number:016x}')}{number:012x}/"
        for name, content in FILES.items():
            objects.put(f"{prefix}{name}", content)
        pointer = msgspec.structs.replace(_pointer(title, prefix, f"{number:016x}"), **changes)
        objects.put(pointer_key(title), msgspec.json.encode(pointer))
        return pointer
    finally:
        objects.close()


def _pointer(title: str, prefix: str, version: str) -> Published:
    return Published(
        title=title,
        version=version,
        seconds=64.0,
        hls=f"{prefix}master.m3u8",
        dash=f"{prefix}manifest.mpd",
        key_id="00" * 16,
        thumbnails=f"{prefix}thumbnails.vtt",
        artwork={"poster": f"{prefix}artwork/poster.jpg"},
        renditions=(
            Rendition(name="h264-240", codec="h264", width=426, height=240, kbps=200),
            Rendition(name="av1-240", codec="av1", width=426, height=240, kbps=120),
            Rendition(name="h264-720", codec="h264", width=1280, height=720, kbps=1500),
        ),
        languages=("en", "de"),
        subtitles=("en",),
    )
