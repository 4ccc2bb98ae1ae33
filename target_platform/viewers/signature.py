"""Signature Version 4 of a GET request to Route 53: a viewer asks one thing of AWS, and needs no library for that.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

_NOTHING = hashlib.sha256(b"").hexdigest()
_REGION = "us-east-1"
"""Route 53 is in no region, and signed for as if it were in this one."""


def signed(url: str, environ: Mapping[str, str], at: float) -> dict[str, str]:
    """The headers that a request of this epoch second needs, with the credentials of `environ`."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    scope = f"{stamp[:8]}/{_REGION}/route53/aws4_request"
    headers = {"host": urlsplit(url).netloc, "x-amz-date": stamp}
    if environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = environ["AWS_SESSION_TOKEN"]
    canonical = hashlib.sha256(_canonical(url, headers).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}"
    signature = hmac.digest(_key(environ.get("AWS_SECRET_ACCESS_KEY", ""), scope), to_sign.encode(), "sha256").hex()
    credential = f"{environ.get('AWS_ACCESS_KEY_ID', 'nobody')}/{scope}"
    names = ";".join(headers)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def _canonical(url: str, headers: Mapping[str, str]) -> str:
    """Header names are in order already."""
    parts = urlsplit(url)
    pairs = sorted((quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in parse_qsl(parts.query))
    query = "&".join(f"{key}={value}" for key, value in pairs)
    lines = [f"{name}:{value}\n" for name, value in headers.items()]
    return "\n".join(["GET", quote(parts.path), query, "".join(lines), ";".join(headers), _NOTHING])


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
