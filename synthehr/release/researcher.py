"""What the researcher reads first: `README.md` of the public half, which names every file and shows how to ask."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from synthehr.events.engine import quoted
from synthehr.landing import write_text
from synthehr.release.macros import MACROS, Macro, examples
from synthehr.release.queries import example_queries
from synthehr.release.views import wide_codes

SHOWN = ("commonest-codes", "prevalence-by-group", "cohort", "comorbidities")  # of the ten queries
# paths, what they are, and whether they stand in every bundle; the others are named where they stand
FILES = (
    ("cohort.duckdb", "the cohort in one database, with a comment on everything in it", True),
    (
        "data/synthetic-*.parquet",
        "the code matrix: `synthetic_id`, `codes` (positions in the vocabulary), `counts`",
        True,
    ),
    ("vocabulary.parquet", "the codes in order of position", True),
    ("dictionary.csv", "every code: what it means, how many synthetic patients have it, and how often", True),
    ("events/", "the same in MEDS 0.4 form; `time` is null, because a code matrix has no times", True),
    ("source/", "the same in the schema of the source, for programs written for that", False),
    ("queries/*.sql", "ten queries on codes of this cohort, to run as they stand and to change", True),
    ("queries/fitness.json", "for kinds of query, how near the answers are to those of real patients", False),
    ("report.html, report.pdf, risk.json", "what an attacker could learn of real patients", True),
    ("decision.json, ledger.json", "why this was released; each look at real patients, and what it cost", True),
    ("audit.json", "the claim of privacy, tested by a training with canaries", False),
    ("fidelity.html, fidelity.pdf, fidelity.json", "how well the cohort stands in for real patients", True),
    ("datasheet.md, croissant.json", "what to use the cohort for, in words and for machines", True),
    (
        "SHA256SUMS",
        "`sha256sum -c SHA256SUMS` checks all files; `SHA256SUMS.sig`, where there is one, who says so",
        True,
    ),
)

TEMPLATE = """# {name}: a synthetic cohort

**Synthetic.** No row of these files is a real patient; ids are negative. {verdict}

| file | what it is |
|---|---|
{files}

## Ask

    duckdb -readonly cohort.duckdb

Any DuckDB from 1.0 on will do, from Python, R or the command line; `FROM about();` lists all there is.

- `patients`: one row a patient with demographics. `codes_long`: one row a patient and code. `code_counts`: one row a
  code. `patients_wide`: one column a code (its count), quoted: `{wide}`.{limit}
- `omop.person`, `omop.condition_occurrence` and so on: the cohort in OMOP's names (CDM 5.4), no more: codes as source
  values, concept ids 0, no dates, visits or observation periods.

Macros. A code is `SYSTEM/value`, or with a star at the end any that begins so; one that is unknown raises an error.
Where the database is attached under another name, `USE` that name first.

| call | what it gives |
|---|---|
{macros}

{queries}
All ten are in `queries/`: `duckdb -readonly cohort.duckdb < queries/01-what-is-here.sql`.

## Limits

Rates and associations hold as far as `fidelity.html` says; rare codes least. Intervals are those of drawing so many
synthetic patients, of whom more could be drawn: they do not say how far the cohort is from real patients. There are no
times and no order of events. A row holds whatever was recorded of a patient at any time: what predicts an outcome may
be how long the record is, so set beside a model of yours one of `n_codes` alone. Confirm on real data before you act.

A signature is checked by `openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig`,
KEY being the public key of who released the cohort.
"""


def write_readme(target: Path, database: Path, *, name: str, verdict: str) -> None:
    """Write `README.md` of the public half beside what stands there; its queries name codes of this very cohort.

    verdict: of the policy, in a sentence.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        wide, told = wide_codes(connection), examples(connection)
        count = "SELECT count(*) FROM vocabulary WHERE exclusive_group IS NULL"
        n_codes = int(connection.execute(count).fetchall()[0][0])
    limit = "" if len(wide) == n_codes else f" It has the {len(wide):,} commonest of {n_codes:,} codes."
    shown = [query for query in example_queries(database) if query.slug in SHOWN]
    text = TEMPLATE.format(
        name=name,
        verdict=verdict,
        files="\n".join(_row(path, says) for path, says, always in FILES if always or (target.parent / path).exists()),
        wide=quoted(wide[0][1]) if wide else quoted("SYSTEM/value"),
        limit=limit,
        macros="\n".join(_call(macro, told) for macro in MACROS),
        queries="\n".join(f"{query.title}:\n\n```sql\n{query.sql}\n```\n" for query in shown),
    )
    write_text(target, text)


def _call(macro: Macro, told: Mapping[str, str]) -> str:
    call, says = (text.format(**told).replace("|", "\\|") for text in (macro.call, macro.says.partition(". ")[0]))
    return f"| `{call}` | {says} |"


def _row(paths: str, says: str) -> str:
    return f"| {', '.join(f'`{path}`' for path in paths.split(', '))} | {says} |"
