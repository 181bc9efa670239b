"""Files with mangled bytes: refused in our own words, or read so that every line that is whole still counts once."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.errors import SynthehrError
from synthehr.events.ingest import ingest_events
from synthehr.events.report import IngestReport

ROWS = 40
BYTES = st.one_of(st.integers(0, 255), st.sampled_from(list(b'"\n\r,;\t\0{}[]:\\0123456789/-')))
# (where, what, how): one byte replaced, put in, or taken out
mangling = st.tuples(st.integers(0, 1 << 20), BYTES, st.sampled_from(["replace", "insert", "delete"]))
many = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

MAPPING = """
name = "fuzzed"
title = "Fuzzed"
rejected_share = 1.0
subject_ids = "any"
[[table]]
name = "events"
files = ["*"]
columns = ["subject_id", "time", "code"]
subject = "subject_id"
RESOURCE
[[event]]
table = "events"
time = "time"
code = "{code}"
"""


def code(k: int) -> str:
    """No change of one byte makes another line's code of it."""
    return f"A/code {k:02d}-{k:02d}"


def lines(kind: str) -> list[bytes]:
    """One event a line, each of a patient of his own: what is lost or doubled shows."""
    rows = [(str(k), f"2020-01-{k % 28 + 1:02d}", code(k)) for k in range(1, ROWS + 1)]
    if kind == "ndjson":
        names = ("subject_id", "time", "code")
        return [json.dumps(dict(zip(names, row, strict=True))).encode() for row in rows]
    return [b"subject_id,time,code", *(f'{who},{when},"{what}"'.encode() for who, when, what in rows)]


def mangled(content: bytes, where: int, what: int, how: str) -> tuple[bytes, int]:
    at = where % len(content)
    if how == "insert":
        return content[:at] + bytes([what]) + content[at:], at
    return content[:at] + (bytes([what]) if how == "replace" else b"") + content[at + 1 :], at


def ingested(tmp_path: Path, path: Path, resource: str = "") -> tuple[IngestReport, Counter[str]] | None:
    """What came of it, or None where it was refused in our own words, without a value."""
    (tmp_path / "fuzzed.toml").write_text(MAPPING.replace("RESOURCE", resource))
    try:
        report = ingest_events(path, tmp_path / "events", mapping=tmp_path / "fuzzed.toml")
    except SynthehrError as error:
        refused = str(error)
    else:
        return report, Counter(pq.read_table(tmp_path / "events" / "data").column("code").to_pylist())
    assert "code 0" not in refused
    return None


def whole_lines(content: bytes, at: int) -> set[str]:
    """Codes of the lines that the mangled byte neither stands in nor borders."""
    start = content.rfind(b"\n", 0, max(at - 1, 0)) + 1
    end = content.find(b"\n", at + 1)
    far = content[:start], content[end + 1 :] if end >= 0 else b""
    return {code(k) for k in range(1, ROWS + 1) if any(code(k).encode() in part for part in far)}


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@many
@given(change=mangling)
def test_lines_that_are_whole_count_once_each(tmp_path: Path, kind: str, change: tuple[int, int, str]) -> None:
    content, at = mangled(b"\n".join(lines(kind)) + b"\n", *change)
    path = tmp_path / f"x.{kind}"
    path.write_bytes(content)
    found = ingested(tmp_path, path, 'resource = "Event"' if kind == "ndjson" else "")
    if found is None:
        return
    report, counts = found
    untouched = whole_lines(content, at)
    header_is_whole = kind == "ndjson" or content.startswith(lines("csv")[0] + b"\n")
    if header_is_whole:
        assert {code: n for code, n in counts.items() if code in untouched} == dict.fromkeys(untouched, 1)
        assert sum(counts.values()) <= len(untouched) + 3
    table = report.tables[0]
    assert report.events + report.events_repeated + table.rejected + sum(table.left_out.values()) == table.rows


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: gzip.compress(content, mtime=0)[:-9]])
@many
@given(change=mangling)
def test_a_mangled_gzip_is_refused_or_whole(
    tmp_path: Path, pack: Callable[[bytes], bytes], change: tuple[int, int, str]
) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(mangled(pack(b"\n".join(lines("csv")) + b"\n"), *change)[0])
    found = ingested(tmp_path, path)
    assert found is None or found[1] == Counter(code(k) for k in range(1, ROWS + 1))


@many
@given(change=mangling)
def test_a_mangled_parquet_is_refused_or_has_all_its_rows(tmp_path: Path, change: tuple[int, int, str]) -> None:
    # Parquet as it is mostly written has no checksum: a letter may change unseen, a row may not be lost or doubled
    rows = [line.decode().split(",") for line in lines("csv")[1:]]
    columns = dict(zip(("subject_id", "time", "code"), map(list, zip(*rows, strict=True)), strict=True))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(columns), tmp_path / "good.parquet", compression="snappy")
    path.write_bytes(mangled((tmp_path / "good.parquet").read_bytes(), *change)[0])
    found = ingested(tmp_path, path)
    if found is not None:
        table = found[0].tables[0]
        assert table.rows == ROWS == found[0].events + found[0].events_repeated + table.rejected


def test_the_fuzz_would_see_a_lost_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\n".join(lines("csv")[:-1]) + b"\n")
    found = ingested(tmp_path, tmp_path / "x.csv")
    assert found is not None
    assert code(ROWS) not in found[1]
