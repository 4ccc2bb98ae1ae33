"""Objects in a bucket of an S3 server, Amazon's or another one. The only importer of boto3 in the platform.

Credentials are found as boto3 finds them: the environment, files in ~/.aws, the machine's role.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO, Any, TypeGuard

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
from msgspec import Struct

from target_platform.stores.objects.interface import (
    CHUNK_BYTES,
    AlreadyThere,
    BadParts,
    Listed,
    NoRoom,
    NotThere,
    Object,
    ObjectsFailed,
    OutOfRange,
    Part,
    Readable,
    Source,
    Upload,
    WrongChecksum,
    checked_key,
    checked_number,
    checked_parts,
    checked_prefix,
    chunks,
    composite,
)

_MEANINGS: dict[str, type[ObjectsFailed]] = {
    "404": NotThere,
    "NoSuchKey": NotThere,
    "NoSuchUpload": NotThere,
    "412": AlreadyThere,
    "PreconditionFailed": AlreadyThere,
    "ConditionalRequestConflict": AlreadyThere,
    "416": OutOfRange,
    "InvalidRange": OutOfRange,
    "BadDigest": WrongChecksum,
    "XAmzContentChecksumMismatch": WrongChecksum,
    "XAmzContentSHA256Mismatch": WrongChecksum,
    "InvalidPart": BadParts,
    "InvalidPartOrder": BadParts,
    "EntityTooSmall": BadParts,
    "QuotaExceeded": NoRoom,
    "InsufficientStorage": NoRoom,
}
_IN_MEMORY_BYTES = 8 * 2**20
"""Of what has to be copied before it can be sent; more goes to a temporary file."""
_PUT = "put"
"""The metadata in which a put finds itself again, when its answer was lost and it was sent twice."""


class S3Place(Struct, frozen=True, kw_only=True):
    """A bucket that exists, and botocore's own settings. Without `endpoint_url` it is Amazon's."""

    bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    connect_seconds: float = 2.0
    read_seconds: float = 10.0
    attempts: int = 3


class S3Objects:
    """One request for each call, but for what is said to take more; sent again by botocore when it failed.

    A put hashes its bytes before it sends them (a file is read twice, what cannot be read twice is copied to a
    temporary file first if it is large), and the server holds them against that.
    """

    def __init__(self, place: S3Place) -> None:
        self.place = place
        settings = Config(
            connect_timeout=place.connect_seconds,
            read_timeout=place.read_seconds,
            retries={"mode": "standard", "total_max_attempts": place.attempts},
            max_pool_connections=50,
            s3={"addressing_style": "path"} if place.endpoint_url else {},
        )
        with self._translated("cannot be used"):
            self._client = boto3.session.Session().client(
                "s3", endpoint_url=place.endpoint_url, region_name=place.region, config=settings
            )

    def put(self, key: str, source: Source, *, sha256: str = "", if_absent: bool = False) -> Object:
        token = uuid.uuid4().hex
        given: dict[str, Any] = {"Metadata": {_PUT: token}, **({"IfNoneMatch": "*"} if if_absent else {})}
        with _hashed(source, sha256) as (body, size, digest):
            made = Object(key=checked_key(key), size=size, checksum=digest)
            try:
                self._call("put_object", key, Body=body, **_announced(digest), **given)
            except AlreadyThere:
                if self._token(key) != token:  # else it is this one, sent twice
                    raise
        return made

    def get(self, key: str, first: int = 0, last: int | None = None) -> bytes:
        return b"".join(self.read(key, first, last))

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        if first < 0 or (last is not None and last < first):  # a server would answer with all of it
            raise OutOfRange(f"no bytes of {key} are from number {first} to {last}")
        is_whole = first == 0 and last is None
        span = {} if is_whole else {"Range": f"bytes={first}-{'' if last is None else last}"}
        answer = self._call("get_object", checked_key(key), ChecksumMode="ENABLED", **span)
        pieces = self._pieces(key, answer["Body"])
        next(pieces)  # from here on the connection is freed with the pieces, even if nobody asks for one
        return pieces

    def head(self, key: str) -> Object:
        answer = self._head(checked_key(key))
        return Object(key=key, size=answer["ContentLength"], checksum=_checksum(answer))

    def under(self, prefix: str = "") -> Iterator[Listed]:
        for page in self._pages("list_objects_v2", checked_prefix(prefix)):
            for each in page.get("Contents", ()):
                yield Listed(key=each["Key"], size=each["Size"])

    def delete(self, key: str) -> None:
        try:
            self._call("delete_object", checked_key(key))
        except NotThere:
            pass  # some servers say so

    def start(self, key: str) -> Upload:
        answer = self._call("create_multipart_upload", checked_key(key), ChecksumAlgorithm="SHA256")
        return Upload(key=key, id=answer["UploadId"])

    def put_part(self, upload: Upload, number: int, source: Source, *, sha256: str = "") -> Part:
        named = {"UploadId": upload.id, "PartNumber": checked_number(number)}
        with _hashed(source, sha256) as (body, size, digest):
            answer = self._call("upload_part", upload.key, Body=body, **_announced(digest), **named)
        return Part(number=number, size=size, sha256=digest, tag=answer["ETag"])

    def parts(self, upload: Upload) -> tuple[Part, ...]:
        listed = self._pages("list_parts", Key=upload.key, UploadId=upload.id)
        return tuple(
            Part(
                number=each["PartNumber"],
                size=each["Size"],
                sha256=_decoded(each.get("ChecksumSHA256", "")),
                tag=each["ETag"],
            )
            for page in listed
            for each in page.get("Parts", ())
        )

    def complete(self, upload: Upload, parts: Sequence[Part]) -> Object:
        named = [
            {"PartNumber": each.number, "ETag": each.tag}
            | ({"ChecksumSHA256": _encoded(each.sha256)} if each.sha256 else {})
            for each in checked_parts(parts)
        ]
        try:
            self._call("complete_multipart_upload", upload.key, UploadId=upload.id, MultipartUpload={"Parts": named})
        except NotThere as gone:
            made = self._completed_before(upload, parts)
            if made is None:
                raise gone from None
            return made
        return self.head(upload.key)

    def abort(self, upload: Upload) -> None:
        try:
            self._call("abort_multipart_upload", upload.key, UploadId=upload.id)
        except NotThere:
            pass  # as it should be

    def uploads(self, prefix: str = "") -> tuple[Upload, ...]:
        pages = self._pages("list_multipart_uploads", checked_prefix(prefix))
        return tuple(Upload(key=each["Key"], id=each["UploadId"]) for page in pages for each in page.get("Uploads", ()))

    def make_bucket(self) -> None:
        """Make the bucket, if there is none."""
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.place.region}}
        try:
            with self._translated("cannot be made"):
                self._client.create_bucket(
                    Bucket=self.place.bucket, **({} if self.place.region == "us-east-1" else elsewhere)
                )
        except ObjectsFailed as error:
            if "BucketAlready" not in str(error):
                raise

    def close(self) -> None:
        self._client.close()

    def _completed_before(self, upload: Upload, parts: Sequence[Part]) -> Object | None:
        """What these parts have become, if the answer to the first request was lost."""
        try:
            there = self.head(upload.key)
        except NotThere:
            return None
        return there if all(each.sha256 for each in parts) and there.checksum == composite(parts) else None

    def _token(self, key: str) -> str:
        """That of the put that made it. A server can refuse a put for another that is not to be seen yet."""
        try:
            return str(self._head(key)["Metadata"].get(_PUT, ""))
        except NotThere:
            return ""

    def _head(self, key: str) -> dict[str, Any]:
        return self._call("head_object", key, ChecksumMode="ENABLED")

    def _call(self, operation: str, key: str, **given: Any) -> dict[str, Any]:
        with self._translated(f"{key}: {operation} failed"):
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self.place.bucket, Key=key, **given)
        return answer

    def _pages(self, operation: str, prefix: str | None = None, **given: Any) -> Iterator[dict[str, Any]]:
        wanted = given if prefix is None else {"Prefix": prefix, **given}
        with self._translated(f"{operation} failed"):
            yield from self._client.get_paginator(operation).paginate(Bucket=self.place.bucket, **wanted)

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with closing(body), self._translated(f"{key} cannot be read to its end"):
            yield b""
            yield from body.iter_chunks(CHUNK_BYTES)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        where = f"bucket {self.place.bucket}"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise _MEANINGS.get(code, ObjectsFailed)(f"{where}: {what}: {error}") from error
        except FlexibleChecksumError as error:
            raise WrongChecksum(f"{where}: {what}: {error}") from error
        except BotoCoreError as error:
            raise ObjectsFailed(f"{where}: {what}: {error}") from error


@contextmanager
def _hashed(source: Source, sha256: str) -> Iterator[tuple[bytes | IO[bytes], int, str]]:
    """Bytes that can be sent more than once, how many they are, and their SHA-256. Raises WrongChecksum.

    botocore goes back to the beginning of a file when it sends again, so one that is not read from there is copied too.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as copy:
        body: bytes | IO[bytes] = source if isinstance(source, bytes) or _is_at_its_beginning(source) else copy
        for chunk in chunks(source):
            digest.update(chunk)
            size += len(chunk)
            if body is copy:
                copy.write(chunk)
        if sha256 and digest.hexdigest() != sha256.lower():
            raise WrongChecksum(f"{size} bytes came whose SHA-256 is {digest.hexdigest()}, not {sha256}")
        if not isinstance(body, bytes):
            body.seek(0)
        yield body, size, digest.hexdigest()


def _is_at_its_beginning(source: Readable) -> TypeGuard[IO[bytes]]:
    return isinstance(source, io.IOBase) and source.seekable() and source.tell() == 0


def _checksum(answer: dict[str, Any]) -> str:
    """Of an object that somebody else has put there, the server's own tag may be all there is."""
    tag = str(answer["ETag"]).strip('"')
    if "ChecksumSHA256" not in answer:
        return tag
    digest, _, count = str(answer["ChecksumSHA256"]).partition("-")
    count = count or tag.partition("-")[2]  # not every server says of how many parts it is
    return _decoded(digest) + (f"-{count}" if count else "")


def _announced(sha256: str) -> dict[str, Any]:
    """What the server is to hold the bytes against. Some keep it only if they are told the algorithm's name as well."""
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _encoded(sha256)}


def _encoded(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _decoded(checksum: str) -> str:
    return base64.b64decode(checksum).hex()
