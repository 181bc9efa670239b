"""Many more patients out of few: an events landing replicated with new ids and jittered times, in files by patient."""

import shutil
from pathlib import Path

import duckdb

from synthehr.landing import land, source_hash

FILES = 16
FIRST_DAY = "2000-01-01"
YEARS = 10  # over which the patients' first encounters are spread


def replicate(events: Path, out: Path, *, copies: int, files: int = FILES) -> None:
    """Write `copies` of each patient of the landing `events` as a landing at `out`, each patient in one of `files`.

    A copy has ids of its own (subjects and visits: copy x 2^40 + id). Each of its encounters gets a time: the patient's
    first one is uniform over `YEARS` years, each later one some 90 days after the one before, and every event is moved
    by up to a day. Files are by the hash of the subject, sorted by subject and time. All draws are hashes of ids, so
    that the same landing is written again.
    """
    config = {"copies": copies, "files": files}
    with land(out, kind="events", config=config, made_from={"events": source_hash(events)}) as folder:
        (folder / "data").mkdir()
        (folder / "metadata").mkdir()
        for name in ("codes.parquet", "dataset.json"):
            (folder / "metadata" / name).write_bytes((events / "metadata" / name).read_bytes())
        with duckdb.connect(config={"temp_directory": str(folder / ".work")}) as connection:
            connection.execute(_ORIGINAL.format(source=events / "data" / "*.parquet"))
            for k in range(files):
                sql = _FILE.format(copies=copies, files=files, k=k, first=FIRST_DAY, days=YEARS * 365)
                target = folder / "data" / f"{k:05d}.parquet"
                connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        shutil.rmtree(folder / ".work", ignore_errors=True)


_ORIGINAL = """CREATE TABLE original AS
SELECT *, dense_rank() OVER (PARTITION BY subject_id ORDER BY visit_id) AS encounter FROM read_parquet('{source}')"""

_FILE = """SELECT subject_id, first_day + to_days(CAST(encounter - 1 AS INTEGER) * 90)
    + to_minutes(CAST(hash(subject_id, encounter, code) % 1440 AS BIGINT)) AS time,
  code, numeric_value, text_value, visit_id FROM (
    SELECT o.* REPLACE (o.subject_id + c.copy * 1099511627776 AS subject_id,
                        o.visit_id + c.copy * 1099511627776 AS visit_id),
      TIMESTAMP '{first}' + to_days(CAST(hash(o.subject_id, c.copy) % {days} AS INTEGER)) AS first_day
    FROM original o, (SELECT range AS copy FROM range({copies})) c
    WHERE hash(o.subject_id, c.copy, 'file') % {files} = {k})
ORDER BY subject_id, time NULLS FIRST, visit_id NULLS FIRST, code"""
