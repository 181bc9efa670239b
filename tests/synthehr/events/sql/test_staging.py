"""Identifiers: what number each gets, and that it depends on no other."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.errors import BadData
from synthehr.events.ingest import ingest_events


def made(landing: Path) -> list[tuple[int, str, int]]:
    """(subject_id, code, visit_id) in the order of the file."""
    table = pq.read_table(landing / "data")
    return list(zip(*(table.column(name).to_pylist() for name in ("subject_id", "code", "visit_id")), strict=True))


def number(text: str) -> int:
    """The number of an identifier that is none: 62 bits of its MD5."""
    return int.from_bytes(hashlib.md5(text.encode()).digest()[8:], "little") >> 2


def test_identifiers_that_are_no_numbers_get_numbers_from_their_text(tmp_path: Path) -> None:
    rows = [("Zoe-b", "v9"), ("Zoe-a", "v1"), ("Zoe-b", "v1"), ("007", "v1"), ("7", "v1")]
    body = "".join(f"{who},2020-01-01,A/1,{visit}\n" for who, visit in rows)
    (tmp_path / "x.csv").write_text("subject_id,time,code,visit_id\n" + body)
    report = ingest_events(tmp_path / "x.csv", tmp_path / "events")
    # "7" is a number, whatever the others are; "007" is a text
    expected = sorted((7 if who == "7" else number(who), number(visit)) for who, visit in rows)
    assert [(who, visit) for who, _, visit in made(tmp_path / "events")] == expected
    assert 0 <= min(map(min, expected)) <= max(map(max, expected)) < 2**62
    assert report.subject_ids == "renumbered"
    written = b"".join(f.read_bytes() for f in (tmp_path / "events").rglob("*") if f.is_file())
    assert b"Zoe" not in written


def numbers(folder: Path, patients: Sequence[str]) -> dict[str, int]:
    """The number that ingest gives to each patient, each told apart by a code of their own."""
    body = "".join(f"{who},2020-01-01,A/{who}\n" for who in patients)
    (folder / "x.csv").write_text("subject_id,time,code\n" + body)
    ingest_events(folder / "x.csv", folder / "events")
    return {code.removeprefix("A/"): who for who, code, _ in made(folder / "events")}


@settings(max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.from_regex(r"[A-Z][a-z0-9]{0,5}|[1-9][0-9]{0,4}", fullmatch=True), min_size=2, max_size=12, unique=True)
)
def test_a_text_has_the_same_number_whatever_other_patients_there_are(tmp_path: Path, patients: list[str]) -> None:
    whole = numbers(tmp_path, patients)
    assert len(set(whole.values())) == len(patients)
    for others in (patients[1:], patients[::-1], patients[:1]):
        assert numbers(tmp_path, others) == {who: whole[who] for who in others}


def test_by_rank_one_patient_more_moves_others() -> None:
    """The control of the test above: how identifiers were numbered once."""
    before, after = (
        {who: k for k, who in enumerate(sorted(some), 1)} for some in (["Eve", "Zoe"], ["Zoe", "Bob", "Eve"])
    )
    assert all(after[who] != before[who] for who in before)


def test_plain_numbers_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("subject_id,time,code\n900000000000000001,2020-01-01,A/1\n0,2020-01-01,A/1\n")
    report = ingest_events(tmp_path / "x.csv", tmp_path / "events")
    assert [who for who, _, _ in made(tmp_path / "events")] == [0, 900_000_000_000_000_001]
    assert report.subject_ids == "as in the source"


def test_negative_ids_are_for_synthetic_patients_and_are_renumbered(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("subject_id,time,code\n-5,2020-01-01,A/1\n3,2020-01-01,A/1\n")
    ingest_events(tmp_path / "x.csv", tmp_path / "events")
    assert [who for who, _, _ in made(tmp_path / "events")] == sorted([number("-5"), 3])  # each by its own text


# two texts of one MD5: Marc Stevens, x.com/realhashbreaker/status/1770161965006008570
COLLIDING = [f"TEXTCOLLBYfGiJUETHQ4h{c}cKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak" for c in "AE"]


@pytest.mark.parametrize("kind", ["subject", "visit"])
def test_two_identifiers_of_one_hash_are_refused_and_not_named(tmp_path: Path, kind: str) -> None:
    def extract(name: str, *texts: str) -> Path:
        rows = [(text, "v") if kind == "subject" else ("a", text) for text in texts]
        body = "".join(f"{who},2020-01-01,A/1,{visit}\n" for who, visit in rows)
        (tmp_path / name).write_text("subject_id,time,code,visit_id\n" + body)
        return tmp_path / name

    with pytest.raises(BadData, match=f"3 {kind} identifiers have only 2 different hashes") as caught:
        ingest_events(extract("both.csv", *COLLIDING, "other"), tmp_path / "events")
    assert "TEXTCOLL" not in str(caught.value)
    assert not (tmp_path / "events").exists()
    for name, one in zip("ab", COLLIDING, strict=True):  # the control: each of them alone is fine
        assert ingest_events(extract(f"{name}.csv", one, "other", one), tmp_path / name).events == 2
