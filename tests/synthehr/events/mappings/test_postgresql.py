"""A real PostgreSQL server as a source: the bytes that CSV gives, and not a word of who asked."""

import logging
from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.build import build_cohort
from synthehr.errors import SynthehrError
from synthehr.events.explain import explain
from synthehr.events.ingest import identity, ingest_events
from synthehr.events.sources.recognise import recognise
from tests.synthehr.events.mappings.counted import events_of, keyed
from tests.synthehr.events.mappings.handmade_omop import EVENTS, ROWS, extract
from tests.synthehr.events.mappings.landings import contents, says_nothing
from tests.synthehr.events.mappings.postgres_server import Server


def as_csv(gibleed: Path, folder: Path) -> Path:
    """The tables of GiBleed that are read, as CSV; the one that was imported without its header stays out."""
    folder.mkdir()
    with duckdb.connect(str(gibleed), read_only=True) as connection:
        for name in (*ROWS, "observation_period"):
            if name != "death":
                types = connection.execute(f"DESCRIBE {name}").fetchall()
                wanted = [
                    f'TRY_CAST("{c}" AS BIGINT) AS "{c}"' if kind == "DOUBLE" else f'"{c}"' for c, kind, *_ in types
                ]
                connection.execute(f"COPY (SELECT {', '.join(wanted)} FROM {name}) TO '{folder / name}.csv' (HEADER)")
    return folder


@pytest.mark.parametrize("which", ["by hand", "GiBleed"])
def test_postgresql_gives_the_bytes_that_csv_gives(
    server: Server, request: pytest.FixtureRequest, tmp_path: Path, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    by_hand = which == "by hand"
    source = extract(tmp_path / "cdm") if by_hand else as_csv(request.getfixturevalue("gibleed"), tmp_path / "cdm")
    server.load("cdm", source)
    plain = ingest_events(source, tmp_path / "csv")
    asked = server.address("cdm")
    report = ingest_events(asked, tmp_path / "postgres")
    assert recognise(asked).mapping == report.mapping == "omop"
    assert contents(tmp_path / "postgres") == contents(tmp_path / "csv")
    if by_hand:
        assert keyed(events_of(tmp_path / "postgres")) == EVENTS
    assert (report.patients, report.events, report.unmapped) == (plain.patients, plain.events, plain.unmapped)
    counts = ({t.name: (t.rows, t.repeated, t.left_out, t.reasons) for t in r.tables} for r in (report, plain))
    assert next(counts) == next(counts)
    if not by_hand:
        for name in ("csv", "postgres"):
            build_cohort(tmp_path / name, tmp_path / f"cohort of {name}")
        assert contents(tmp_path / "cohort of postgres") == contents(tmp_path / "cohort of csv")
    written = b"".join(f.read_bytes() for f in (tmp_path / "postgres").rglob("*") if f.is_file()).decode("latin-1")
    assert says_nothing(written + repr(report) + caplog.text + explain(asked) + repr(identity(asked)))


def test_a_row_that_changed_is_another_source(server: Server, tmp_path: Path) -> None:
    server.load("changing", extract(tmp_path / "cdm"))
    before = identity(server.address("changing"))
    assert identity(server.address("changing")) == before
    server.sql("UPDATE changing.condition_occurrence SET visit_occurrence_id = 8 WHERE condition_occurrence_id = 1")
    assert identity(server.address("changing")) != before


def test_what_a_server_refuses_tells_nobody_who_asked(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.load("one", extract(tmp_path / "cdm"))
    server.load("two", tmp_path / "cdm")
    server.sql("CREATE SCHEMA empty", "CREATE SCHEMA closed", "CREATE TABLE closed.person (person_id int)")
    closed = server.address("one").replace(str(server.port), "1")
    wrong = [
        (server.address("one", password="SECRET-17-wrong"), "PostgreSQL refused"),
        (server.address("one", user="reader17x"), "PostgreSQL refused"),
        (closed, "PostgreSQL refused"),
        (server.address("one") + "%zz", "PostgreSQL refused"),
        (server.address("empty"), "no table that this user can see"),
        (server.address("closed"), "no table that this user can see"),
        (server.address("one", "two"), "fits 2 files"),
    ]
    for address, told in wrong:
        for attempt in (ingest_events, lambda a, out, mapping: explain(a, mapping)):
            with pytest.raises(SynthehrError, match=told) as caught:
                attempt(address, tmp_path / "events", mapping="omop")
            assert says_nothing(str(caught.value))
            assert caught.value.__cause__ is None
            assert (
                caught.value.__suppress_context__ or caught.value.__context__ is None
            )  # a traceback prints no driver's
    assert says_nothing("".join(capsys.readouterr()))
    assert not (tmp_path / "events").exists()
