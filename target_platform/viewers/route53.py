"""The weighted records of a hosted zone, as a resolver would follow them: asked of Route 53's own API, by HTTP.

CHAOS_ROUTE53 is the URL of a zone's records, with the name that users ask for:

    http://127.0.0.1:5000/2013-04-01/hostedzone/Z0123456789/rrset?name=www.shop.example

An answer is kept for the shortest time to live of its records. While nobody answers the last one stays. Requests are
signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import Random
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from msgspec import Struct

from target_platform.viewers.directory import NoPlatform
from target_platform.viewers.signature import signed

ANSWER_SECONDS = 2.0
AGAIN_SECONDS = 1.0

Fetch = Callable[[], bytes]

log = logging.getLogger("viewers")


class Answer(Struct, frozen=True):
    """Weights by region, and for how long they may be kept."""

    weights: dict[str, int]
    keep_seconds: float


class WeightedNames:
    """Shared by all viewers of one load generator. `now` gives seconds that never go back."""

    def __init__(
        self, name: str, regions: Sequence[str], fetch: Fetch, random: Random, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._regions = regions
        self._fetch = fetch
        self._random = random
        self._now = now
        self._weights: dict[str, int] = {}
        self._ask_at = float("-inf")

    def region(self) -> str | None:
        """Where a lookup leads this time; None as long as nobody has answered."""
        weights = self._fresh()
        if not any(weights.values()):  # then all are answered alike, as in Route 53
            weights = dict.fromkeys(weights, 1)
        return self._random.choices(list(weights), list(weights.values()))[0] if weights else None

    def _fresh(self) -> dict[str, int]:
        if self._now() >= self._ask_at:
            self._ask_at = self._now() + ANSWER_SECONDS + AGAIN_SECONDS  # others take the old answer meanwhile
            try:
                answer = read_answer(self._fetch(), self._name, self._regions)
            except (OSError, HTTPException, ElementTree.ParseError, ValueError) as error:
                log.warning("Route 53 gives no answer about %s: %s", self._name, error)
                self._ask_at = self._now() + AGAIN_SECONDS
            else:
                self._weights, self._ask_at = answer.weights, self._now() + answer.keep_seconds
        return self._weights


def read_answer(xml: bytes, name: str, regions: Sequence[str]) -> Answer:
    """The records of that name whose set identifier is a region, alone or before a "/".

    Raises ElementTree.ParseError, and ValueError when there is none: what nobody answers leads nowhere.
    """
    weights: dict[str, int] = {}
    keep: list[float] = []
    for record in ElementTree.fromstring(xml).findall(".//{*}ResourceRecordSet"):
        said = {each.tag.rpartition("}")[2]: each.text or "" for each in record}
        region = said.get("SetIdentifier", "").partition("/")[0]
        if said.get("Name", "").rstrip(".") == name.rstrip(".") and region in regions and "Weight" in said:
            weights[region] = weights.get(region, 0) + int(said["Weight"])
            keep.append(float(said.get("TTL", AGAIN_SECONDS)))
    if not weights:
        raise ValueError(f"no weighted record of {name} leads to {', '.join(regions)}")
    return Answer(weights, min(keep))


def names_of(environ: Mapping[str, str], regions: Sequence[str], random: Random) -> WeightedNames | None:
    """What CHAOS_ROUTE53 names; None without it. Raises NoPlatform when it is no such URL."""
    url = environ.get("CHAOS_ROUTE53", "")
    if not url:
        return None
    name = "".join(parse_qs(urlsplit(url).query).get("name", ()))
    if urlsplit(url).scheme not in ("http", "https") or not name:
        raise NoPlatform(
            f"CHAOS_ROUTE53: {url!r} is not of the form http://HOST/2013-04-01/hostedzone/ID/rrset?name=NAME"
        )
    return WeightedNames(name, regions, lambda: fetch(url, environ), random)


def fetch(url: str, environ: Mapping[str, str] = os.environ) -> bytes:
    """Raises OSError, HTTPException, and ValueError when the answer is another than 200."""
    parts = urlsplit(url)
    connecting = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connecting(parts.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=signed(url, environ, time.time()))
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        return body
    finally:
        connection.close()
