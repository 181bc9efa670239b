"""Events to a cohort at scale: ours on two processes, and the same asked of DuckDB, Polars and Spark.

    python -m benchmarks.cohort EVENTS --work DIR [--copies 70] [--rounds 3] [--json benchmarks/results/cohort.json]

EVENTS is the events landing of Diabetes-130 (`synthehr ingest`). It is replicated into DIR first, unless that is done;
each tool runs in a process of its own, in turn, so many rounds. Polars and Spark get environments of their own; Spark
needs a Java. What the tools wrote is compared with a count of the events before any figure. `synthehr-ingest`
goes the whole way, from the events as a long table in Parquet: every row checked, sorted MEDS events, then the cohort.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import duckdb

from benchmarks.cohort.measure import Measured, measured
from benchmarks.cohort.replicate import FILES, replicate
from benchmarks.environments import interpreter
from synthehr.landing import is_current, source_hash

HERE = Path(__file__).parent
PROCESSES = 2
PEERS = {"polars": (("polars==2.1.0",),), "spark": (("pyspark==4.3.0",),)}
REFERENCE = "duckdb"
INGEST = "synthehr-ingest"
ONCE = ("spark",)  # runs in the first round alone: it takes minutes


def arms(events: Path, work: Path, environments: Path, chosen: list[str]) -> dict[str, list[str]]:
    """The command of each tool; each writes to `work/out/NAME`."""
    found = {}
    for name in chosen:
        python = interpreter(name, PEERS[name], environments) if name in PEERS else Path(sys.executable)
        out = work / "out" / name
        found[name] = [str(python), str(HERE / f"{name}_worker.py"), str(events), str(out)]
    if "synthehr" in found:
        found["synthehr"] += [str(PROCESSES)]
    if INGEST in found:  # from the extract, not from its events
        command = ["-m", "pipelines.cli", "ingest", str(long_table(events, work)), "--out", str(work / "out" / INGEST)]
        found[INGEST] = [sys.executable, *command, "--processes", str(PROCESSES)]
    return found


def long_table(events: Path, work: Path) -> Path:
    """The events as an extract of one Parquet file: a long table, in no order of patients."""
    path = work / "long_table.parquet"
    if not path.exists():
        sql = f"SELECT subject_id, time, code, visit_id FROM '{events}/data/*.parquet' ORDER BY hash(visit_id, code)"
        with duckdb.connect(config={"temp_directory": str(work / ".work")}) as connection:
            connection.execute(f"COPY ({sql}) TO '{path}.tmp' (FORMAT parquet, COMPRESSION zstd)")
        Path(f"{path}.tmp").rename(path)
    return path


def main() -> None:
    """Replicate, measure every tool in turn, compare what they wrote, and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("events", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=70)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", nargs="*", default=[REFERENCE, "synthehr", INGEST, *PEERS])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    events = asked.work / "events"
    made_from = {"events": source_hash(asked.events)}
    if not is_current(events, kind="events", config={"copies": asked.copies, "files": FILES}, made_from=made_from):
        replicate(asked.events, events, copies=asked.copies)
    commands = arms(events, asked.work, asked.work / "environments", asked.tools)
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for k in range(asked.rounds):
        for name, command in commands.items():
            if k and name in ONCE:
                continue
            _clear(asked.work / "out")
            runs[name].append(measured(command, environment))
            print(name, asdict(runs[name][-1]), file=sys.stderr)
            _check(events, asked.work / "out" / name, name)
    found = {"machine": _machine(), "data": _size(events), "rounds": asked.rounds, "tools": _table(runs)}
    text = json.dumps(found, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def _clear(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def _check(events: Path, out: Path, name: str) -> None:
    """Refuse a tool whose codes (of no exclusive group) and their counts are not those of the events, counted twice."""
    counted = f"""SELECT count(*), sum(n) FROM (SELECT subject_id, split_part(code, '.', 1) AS c,
      count(DISTINCT visit_id) AS n FROM '{events}/data/*.parquet'
      WHERE NOT regexp_matches(code, '^(SEX|AGE|RACE)/') GROUP BY ALL)"""
    if name in ("synthehr", INGEST):
        out = out / "cohort" if name == INGEST else out
        wrote = f"""SELECT count(*), sum(n) FROM (
          SELECT unnest(codes) AS j, unnest(counts) AS n FROM '{out}/matrix.parquet')
          JOIN (SELECT "index" AS j FROM '{out}/vocabulary.parquet' WHERE "group" IS NULL) USING (j)"""
    else:
        files = f"{out}/*.parquet" if out.is_dir() else str(out)
        wrote = f"""SELECT count(*), sum("count") FROM read_parquet('{files}')
          WHERE NOT regexp_matches(code, '^(SEX|AGE|RACE)/')"""
    with duckdb.connect() as connection:
        expected, got = (connection.execute(sql).fetchone() for sql in (counted, wrote))
    if expected != got:
        raise SystemExit(f"{name} wrote {got} (codes, encounters), expected {expected}")


def _table(runs: Mapping[str, list[Measured]]) -> dict[str, dict[str, object]]:
    """Medians and ranges; how many times the reference's wall and processor time in the same round, by median."""
    table: dict[str, dict[str, object]] = {}
    for name, found in runs.items():
        rows = [asdict(one) for one in found]
        table[name] = {
            key: {"median": statistics.median(values), "min": min(values), "max": max(values)}
            for key in rows[0]
            for values in [[row[key] for row in rows]]
        }
        if REFERENCE in runs:
            for key in ("wall_s", "cpu_s"):
                pairs = zip(found, runs[REFERENCE], strict=False)  # of the same rounds
                table[name][f"times_{REFERENCE}_{key}"] = statistics.median(
                    getattr(one, key) / getattr(other, key) for one, other in pairs
                )
    return table


def _size(events: Path) -> dict[str, int]:
    sql = f"SELECT count(*), count(DISTINCT subject_id), count(DISTINCT code) FROM '{events}/data/*.parquet'"
    found = duckdb.execute(sql).fetchone()
    assert found is not None
    return dict(zip(("events", "patients", "codes"), found, strict=True))


def _machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


if __name__ == "__main__":
    main()
