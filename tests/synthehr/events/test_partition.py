import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.events.partition import PARTITION_BYTES, PRIMES, _splits, partitions_of


@pytest.mark.parametrize(
    ("line", "splits"),
    [
        ('1,"a, b",c', True),
        ('1,"a ""b""",c', True),
        ("1,it's 5\" long,c", True),
        ("", True),
        ('1,"a\n2,b', False),  # stands open
        ('1,"a"b,c', False),  # closes too early
        ('6,2020-01-07,"A/6?\n7,2020-01-08,"A/7"', False),  # a letter of the closing mark's place is broken
    ],
)
def test_a_stray_quotation_mark_is_seen(line: str, splits: bool) -> None:
    assert _splits(line, ",") is splits


@given(st.integers(0, PARTITION_BYTES * PRIMES[-1]))
def test_partitions_hold_no_more_than_they_should(text_bytes: int) -> None:
    n = partitions_of(text_bytes)
    assert n in PRIMES
    assert n * PARTITION_BYTES >= text_bytes
