"""Quantities as people write them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.spec import units


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (units.milliseconds, "250ms", 250.0),
        (units.milliseconds, "1.1s", 1100.0),
        (units.milliseconds, "500us", 0.5),
        (units.milliseconds, "0", 0.0),
        (units.seconds, "30s", 30.0),
        (units.seconds, "2m", 120.0),
        (units.seconds, "1h30m", 5400.0),
        (units.seconds, "1m 30s", 90.0),
        (units.share, "99.9%", 0.999),
        (units.share, "100%", 1.0),
        (units.share, "0.999", 0.999),
        (units.share, "0", 0.0),
        (units.per_second, "50/s", 50.0),
        (units.per_second, "3000/m", 50.0),
        (units.per_second, "3000/min", 50.0),
        (units.per_second, "36/h", 0.01),
        (units.size, "64KiB", 65536.0),
        (units.size, "1.5MB", 1_500_000.0),
        (units.size, "0", 0.0),
        (units.transfer_rate, "64KiB/s", 65536.0),
        (units.transfer_rate, "1.5 MB / s", 1_500_000.0),
        (units.number, "-1.5e3", -1500.0),
    ],
)
def test_a_quantity_is_read_in_the_unit_of_its_field(parse: Callable[[str], float], text: str, expected: float) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (units.seconds, "30", "has no unit: write 30ms, 30s or 30m"),
        (units.seconds, "1:30", "write 1m30s or 1h30m"),
        (units.seconds, "200parsecs", "not a duration"),
        (units.seconds, "-3s", "not a duration"),
        (units.seconds, "3 s s", "not a duration"),
        (units.seconds, "3S", "one of us, ms, s, m, h, d"),
        (units.seconds, "31d", "longer than 30 days"),
        (units.share, "1", "write 1% or a share"),
        (units.share, "99", "has no unit: write 99%"),
        (units.share, "101%", "more than all"),
        (units.share, "-1%", "not a share"),
        (units.per_second, "50", "write 50/s or 50/m"),
        (units.per_second, "50/fortnight", "not a rate"),
        (units.size, "64", "write 64B or 64KiB"),
        (units.transfer_rate, "64KiB", "a size a second"),
        (units.transfer_rate, "64", "write 64B/s or 64KiB/s"),
        (units.size, "64kb", "not a size"),
        (units.number, "0755", "octal"),
        (units.number, "1_000", "write 1000"),
        (units.number, "1e999", "too large"),
        (units.number, ".inf", "not a number"),
        (units.number, "0x1f", "not a number"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(parse: Callable[[str], float], text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        parse(text)


ALL = [
    units.MILLISECONDS,
    units.SECONDS,
    units.SHARE,
    units.PER_SECOND,
    units.BYTES,
    units.BYTES_PER_SECOND,
    units.NUMBER,
]


@given(unit=st.sampled_from(ALL), text=st.text(max_size=30) | st.from_regex(r"[0-9.:/ ]+[a-zA-Z%/]{0,4}"))
def test_any_text_is_a_number_or_a_value_error(unit: units.Unit, text: str) -> None:
    with suppress(ValueError):
        assert unit.parse(text) >= 0 or unit is units.NUMBER


@given(thousandths=st.integers(min_value=0, max_value=30 * 86_400_000))
def test_a_duration_written_down_reads_back_as_the_same(thousandths: int) -> None:
    milliseconds = float(thousandths)
    assert units.milliseconds(units.write_milliseconds(milliseconds)) == milliseconds
    assert units.seconds(units.SECONDS.write(milliseconds / 1000)) == milliseconds / 1000


@given(hundredths=st.integers(min_value=0, max_value=10_000))
def test_a_share_written_down_reads_back_as_the_same(hundredths: int) -> None:
    assert units.share(units.SHARE.write(hundredths / 10_000)) == hundredths / 10_000


@pytest.mark.parametrize(
    ("field", "key", "unit"),
    [
        ("delay_ms", "delay", units.MILLISECONDS),
        ("every_seconds", "every", units.SECONDS),
        ("max_targets_share", "maxTargets", units.SHARE),
        ("arrivals_per_second", "arrivals", units.PER_SECOND),
        ("burst_bytes", "burst", units.BYTES),
        ("rate_bytes_per_second", "rate", units.BYTES_PER_SECOND),
        ("min_samples", "minSamples", None),
        ("quantile", "quantile", units.SHARE),
        ("url", "url", None),
    ],
)
def test_a_fields_name_says_its_key_and_its_unit(field: str, key: str, unit: units.Unit | None) -> None:
    assert units.spelling(field) == (key, unit)
