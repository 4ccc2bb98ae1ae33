"""Which store of objects: told in a line, so that it can stand in a configuration."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec

from target_platform.stores.objects.interface import Objects, ObjectsFailed
from target_platform.stores.objects.on_disk import DiskObjects


def objects_at(place: str) -> Objects:
    """A folder, or `s3://BUCKET?endpoint_url=http://HOST:PORT&region=...` with the settings of S3Place.

    Raises ObjectsFailed, also for a setting that there is none of. S3 needs `pip install 'steadfast-chaos[stores]'`.
    """
    if is_folder(place):
        return DiskObjects(Path(place))
    if place.startswith("http://"):
        raise ObjectsFailed(f"{place} can only be read: name the folder, or s3://BUCKET?...")
    try:
        from target_platform.stores.objects.s3 import S3Objects, S3Place
    except ImportError as error:
        raise ObjectsFailed(f"{place} needs boto3: pip install 'steadfast-chaos[stores]' ({error})") from error
    parts = urlsplit(place)
    given = dict(parse_qsl(parts.query)) | {"bucket": parts.netloc}
    if not parts.netloc:
        raise ObjectsFailed(f"{place} names no bucket")
    unknown = given.keys() - set(S3Place.__struct_fields__)
    if unknown:
        raise ObjectsFailed(f"{place}: there is no setting {', '.join(sorted(unknown))}")
    try:
        return S3Objects(msgspec.convert(given, S3Place, strict=False))
    except msgspec.ValidationError as error:
        raise ObjectsFailed(f"{place}: {error}") from error


def is_folder(place: str) -> bool:
    """Whether it is on this machine's disk."""
    return not place.startswith(("s3://", "http://"))
