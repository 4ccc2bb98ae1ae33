"""Viewers follow the weights of a hosted zone as resolvers do: for a time to live, and by chance."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from target_platform.viewers.directory import Directory, NoPlatform
from target_platform.viewers.dns import Dns
from target_platform.viewers.route53 import WeightedNames, names_of, read_answer
from target_platform.viewers.signature import signed

REGIONS = ("us-east-1", "eu-west-1")
RECORD = (
    "<ResourceRecordSet><Name>{}.</Name><SetIdentifier>{}</SetIdentifier><Weight>{}</Weight><TTL>5</TTL>"
    "</ResourceRecordSet>"
)


class Zone:
    """Answers with the weights it has, and counts how often it was asked."""

    def __init__(self, us: int, eu: int) -> None:
        self.us, self.eu, self.asked, self.now = us, eu, 0, 0.0
        self.silent = False
        self.names = WeightedNames("www.shop.example", REGIONS, self.fetch, Random(1), lambda: self.now)

    def fetch(self) -> bytes:
        self.asked += 1
        if self.silent:
            raise ConnectionRefusedError
        records = [("us-east-1", self.us), ("eu-west-1/second", self.eu), ("nowhere", 9)]
        written = [RECORD.format("www.shop.example", *each) for each in records]
        other = RECORD.format("api.shop.example", "us-east-1", 200)
        return f'<R xmlns="https://route53.amazonaws.com/doc/">{"".join(written)}{other}</R>'.encode()

    def regions(self, lookups: int = 200) -> Counter[str | None]:
        return Counter(self.names.region() for _ in range(lookups))


def test_lookups_are_led_by_weight() -> None:
    found = Zone(us=30, eu=10).regions(1000)
    assert set(found) == set(REGIONS)
    assert 650 < found["us-east-1"] < 850


def test_nobody_is_led_to_a_region_of_weight_0_and_everybody_anywhere_when_all_are_0() -> None:
    assert set(Zone(us=0, eu=10).regions()) == {"eu-west-1"}
    assert set(Zone(us=0, eu=0).regions()) == set(REGIONS)


def test_an_answer_is_kept_for_its_time_to_live_and_no_longer() -> None:
    zone = Zone(us=0, eu=10)
    zone.regions()
    zone.us, zone.eu, zone.now = 10, 0, 4.9
    assert set(zone.regions()) == {"eu-west-1"}
    assert zone.asked == 1
    zone.now = 5.0
    assert set(zone.regions()) == {"us-east-1"}
    assert zone.asked == 2


def test_while_nobody_answers_the_last_answer_stays() -> None:
    zone = Zone(us=0, eu=10)
    zone.silent = True
    assert zone.names.region() is None
    zone.silent, zone.now = False, 1.0
    assert zone.names.region() == "eu-west-1"
    zone.silent, zone.now = True, 60.0
    assert set(zone.regions()) == {"eu-west-1"}
    assert zone.asked == 3, "who does not answer is not asked for every viewer"


def test_a_name_that_leads_nowhere_is_no_answer() -> None:
    with pytest.raises(ValueError, match=r"no weighted record of other\.example leads to us-east-1, eu-west-1"):
        read_answer(Zone(1, 1).fetch(), "other.example", REGIONS)


def test_sessions_begin_where_the_name_leads_and_at_home_without_an_answer() -> None:
    directory = Directory(regions=REGIONS, gateways={})
    assert Dns(directory, Zone(us=0, eu=10).names).region_for("us-east-1") == "eu-west-1"
    silent = Zone(us=0, eu=10)
    silent.silent = True
    assert Dns(directory, silent.names).region_for("us-east-1") == "us-east-1"
    assert Dns(directory).region_for("us-east-1") == "us-east-1"


def test_what_is_no_url_of_records_is_said() -> None:
    assert names_of({}, REGIONS, Random(1)) is None
    assert names_of({"CHAOS_ROUTE53": "http://a/2013-04-01/hostedzone/Z/rrset?name=b"}, REGIONS, Random(1)) is not None
    with pytest.raises(NoPlatform, match="is not of the form"):
        names_of({"CHAOS_ROUTE53": "http://a/2013-04-01/hostedzone/Z/rrset"}, REGIONS, Random(1))


def test_requests_are_signed_as_aws_wants_it() -> None:
    url = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset?name=www.shop.example&maxitems=9"
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token/+="}
    mine = signed(url, environ, 1_700_000_000.0)
    request = AWSRequest("GET", url)
    theirs = SigV4Auth(Credentials("AKIA", "secret", "token/+="), "route53", "us-east-1")
    request.context["timestamp"] = mine["x-amz-date"]
    theirs._modify_request_before_signing(request)
    request.headers.replace_header("X-Amz-Date", mine["x-amz-date"])
    signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
    assert mine["authorization"].endswith(f"SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}")
