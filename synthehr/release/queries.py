"""`queries/`: ten queries a study begins with, on codes of this very cohort, to run as they stand and to change."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from synthehr.events.engine import literal, quoted
from synthehr.landing import write_text
from synthehr.release.source.cdm import DOMAINS, RECORDS
from synthehr.release.views import commonest

LEAST = 10  # patients with two codes, below which a lift says little
N_CONDITIONS = 8  # of a count of conditions


@dataclass(frozen=True)
class ExampleQuery:
    """One query. slug: of its file name. title: what it asks, for people. sql: one statement, with its semicolon."""

    slug: str
    title: str
    sql: str


@dataclass(frozen=True)
class Subject:
    """What the queries are about.

    codes: the commonest of the cohort, conditions first, at least two; the same twice where there is one alone.
    groups: exclusive groups. domain: of the first code. least: patients with the first and another code, at most
    `LEAST`, 0 where there are none. free: whether there are codes outside the exclusive groups.
    """

    codes: tuple[str, ...]
    groups: tuple[str, ...]
    domain: str
    least: int
    free: bool


def example_queries(database: Path) -> list[ExampleQuery]:
    """Ten queries on a written `cohort.duckdb`; the last reads `events/` beside it, from the folder of both.

    Each returns rows, whatever the cohort: also without demographics, or with one code.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        subject = _subject(connection)
    first, second = literal(subject.codes[0]), literal(subject.codes[1])
    return [
        ExampleQuery("what-is-here", "What this file is, and all that can be asked of it", "FROM about();"),
        ExampleQuery("commonest-codes", "The twenty commonest codes", _commonest(subject)),
        ExampleQuery("codes-per-patient", "How many codes a patient has", CODES_PER_PATIENT),
        ExampleQuery("prevalence-by-group", "Prevalence of a code by demographics", _by_group(subject, first)),
        ExampleQuery("cohort", "A cohort: patients with one code and without another", _cohort(subject)),
        ExampleQuery("odds-ratio", "How strongly two codes are associated", f"FROM odds_ratio({first}, {second});"),
        ExampleQuery("comorbidities", "What comes with a code more often than by chance", _beside(subject)),
        ExampleQuery("condition-count", "A comorbidity count: how many of a list of conditions", _count(subject)),
        ExampleQuery("omop", "The same cohort as OMOP CDM tables", _omop(subject, first)),
        ExampleQuery("meds-events", "The same cohort as MEDS events, from the Parquet files", MEDS),
    ]


def write_queries(folder: Path, database: Path) -> None:
    """Write the ten queries into an existing folder, as `01-what-is-here.sql` and so on."""
    for number, query in enumerate(example_queries(database), 1):
        name = f"{number:02d}-{query.slug}.sql"
        how = f"-- duckdb -readonly cohort.duckdb < queries/{name}"
        write_text(folder / name, f"-- {query.title}.\n{how}\n{query.sql}\n")


CODES_PER_PATIENT = """\
SELECT n_codes, count(*) AS patients, round(sum(count(*)) OVER (ORDER BY n_codes) / sum(count(*)) OVER (), 4) AS up_to
FROM patients GROUP BY n_codes ORDER BY n_codes;"""

MEDS = """\
SELECT code, count(DISTINCT subject_id) AS patients, sum(numeric_value)::BIGINT AS events
FROM read_parquet('events/data/*.parquet') GROUP BY code ORDER BY patients DESC, code LIMIT 20;"""


def _subject(connection: duckdb.DuckDBPyConnection) -> Subject:
    found = commonest(connection, N_CONDITIONS)
    rows = connection.execute(
        "SELECT exclusive_group FROM vocabulary WHERE exclusive_group IS NOT NULL GROUP BY ALL ORDER BY min(code_index)"
    ).fetchall()
    # a code's companions are of the free ones; a few patients will do where the cohort is small
    beside = f"FROM cooccurring_with({literal(found[0][0])}, at_least := 1)"
    most = connection.execute(f"SELECT coalesce(max(together), 0) {beside}").fetchall()[0][0]
    free = [code for code, _, is_free in found if is_free]
    codes = tuple(free or [code for code, _, _ in found])
    groups = tuple(group for (group,) in rows)
    return Subject(codes if len(codes) > 1 else codes * 2, groups, found[0][1], min(most, LEAST), bool(free))


def _commonest(subject: Subject) -> str:
    which = " WHERE exclusive_group IS NULL" if subject.free else ""
    return (
        "SELECT code, description, n_patients, round(prevalence, 4) AS prevalence, round(mean_count, 2) AS mean_count\n"
        f"FROM code_counts{which} ORDER BY n_patients DESC, code LIMIT 20;"
    )


def _by_group(subject: Subject, first: str) -> str:
    if not subject.groups:
        return f"SELECT prevalence({first}) AS prevalence;"
    by = sorted(subject.groups, key=lambda group: group not in ("age", "sex"))[:2]
    names = ", ".join(f"p.{_name(group)}" for group in by)
    return (
        f"-- of one group, with an interval: FROM by_group({literal(by[0])}, {first});\n"
        f"SELECT {names}, count(*) AS patients, round(count(w.synthetic_id) / count(*), 4) AS prevalence\n"
        f"FROM patients p LEFT JOIN patients_with({first}) w USING (synthetic_id)\n"
        "GROUP BY ALL ORDER BY ALL;"
    )


def _cohort(subject: Subject) -> str:
    first, second = subject.codes[:2]
    without = "" if first == second else f", none_of := [{literal(second)}]"
    return (
        "SELECT count(*) AS patients, round(avg(n_codes), 2) AS mean_codes, median(n_codes) AS median_codes\n"
        f"FROM cohort_where(all_of := [{literal(first)}]{without});"
    )


def _beside(subject: Subject) -> str:
    first, second = literal(subject.codes[0]), literal(subject.codes[1])
    if not subject.least:
        return f"FROM cooccurrence({first}, {second});"
    return f"FROM cooccurring_with({first}, at_least := {subject.least}) LIMIT 20;"


def _count(subject: Subject) -> str:
    listed = ", ".join(literal(code) for code in dict.fromkeys(subject.codes))
    return (
        "SELECT n_conditions, count(*) AS patients\n"
        f"FROM condition_count([{listed}])\n"
        "GROUP BY n_conditions ORDER BY n_conditions;"
    )


def _omop(subject: Subject, first: str) -> str:
    if subject.domain not in DOMAINS:
        return (
            "SELECT gender_source_value, race_source_value, count(*) AS persons\n"
            "FROM omop.person GROUP BY ALL ORDER BY ALL;"
        )
    table = DOMAINS[subject.domain]
    word, _ = RECORDS[table]
    return (
        "SELECT p.gender_source_value, count(DISTINCT p.person_id) AS persons,\n"
        f"  count(DISTINCT e.person_id) AS with_code, count(e.{table}_id) AS occurrences\n"
        f"FROM omop.person p LEFT JOIN omop.{table} e\n"
        f"  ON e.person_id = p.person_id AND e.{word}_source_value = {first}\n"
        "GROUP BY ALL ORDER BY ALL;"
    )


def _name(group: str) -> str:
    return group if group.isidentifier() else quoted(group)
