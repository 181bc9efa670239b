"""What the researcher reads first: `README.md` of the bundle, with queries that run as they stand."""

from pathlib import Path

import duckdb

from synthehr.landing import write_text
from synthehr.release.database import wide_codes

TEMPLATE = """# {name}: a synthetic cohort

**Synthetic.** No row of these files is a real patient; ids are negative. {verdict}

| file | what it is |
|---|---|
| `cohort.duckdb` | everything below in one DuckDB database (DuckDB 1.0 and later), with a comment on every table |
| `data/synthetic-*.parquet` | the code matrix: `synthetic_id`, `codes` (positions in the vocabulary), `counts` |
| `vocabulary.parquet`, `dictionary.csv` | the codes: what they mean, and how often this cohort has them |
| `events/` | the same in MEDS 0.4 form; `time` is null, because a code matrix has no times |
| `report.html`, `risk.json`, `decision.json`, `ledger.json` | what an attacker could learn, and why this was released |
| `fidelity.json`, `datasheet.md` | how well the cohort stands in for real patients, and what to use it for |
| `croissant.json` | the same description for machines |
| `SHA256SUMS` | `sha256sum -c SHA256SUMS` checks that all files are as they were written |

## Use

    duckdb -readonly cohort.duckdb

`patients` has one row a patient with demographics; `codes_long` one row a patient and code with its description;
`patients_wide` one column a code (its count), quoted: `"{first}"`.{limit}

{queries}
## Limits

Rates and associations hold as far as `report.html` says; rare codes least. There are no times and no order of events.
Confirm on real data before you act on a finding.
"""


def queries(first: str, second: str, groups: list[str]) -> list[tuple[str, str]]:
    """(title, SQL) of queries on `cohort.duckdb`; first, second: two of its codes; groups: its demographics."""
    asked = [
        (
            "The ten commonest codes",
            "SELECT code, description, count(*) / (SELECT count(*) FROM patients) AS prevalence\n"
            "FROM codes_long GROUP BY ALL ORDER BY prevalence DESC, code LIMIT 10;",
        ),
        (
            "How often two codes come together, and how much oftener than by chance",
            f"SELECT avg((a AND b)::INT) AS together, avg((a AND b)::INT) / (avg(a::INT) * avg(b::INT)) AS lift\n"
            f'FROM (SELECT "{first}" > 0 AS a, "{second}" > 0 AS b FROM patients_wide);',
        ),
        (
            "What patients with one code have besides",
            "SELECT o.code, o.description, count(*) AS patients\n"
            "FROM codes c JOIN codes_long o USING (synthetic_id)\n"
            f"WHERE c.code = '{first}' AND o.code <> c.code GROUP BY ALL ORDER BY patients DESC, o.code LIMIT 10;",
        ),
        ("What this file is", "SELECT * FROM _about;"),
    ]
    if groups:
        by = ", ".join(group if group.isidentifier() else f'"{group}"' for group in groups[:2])
        asked.insert(
            2,
            (
                f"A cohort by {by}",
                f'SELECT {by}, count(*) AS patients, avg(("{first}" > 0)::INT) AS prevalence\n'
                f"FROM patients_wide GROUP BY {by} ORDER BY {by};",
            ),
        )
    return asked


def example_queries(database: Path) -> list[tuple[str, str]]:
    """`queries` with the two commonest codes and the demographics of a written `cohort.duckdb`."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT code FROM codes_long WHERE NOT contains(code, '''') AND NOT contains(code, '\"') "
            "GROUP BY code ORDER BY count(*) DESC, code LIMIT 2"
        ).fetchall()
        groups = connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'patients' "
            "AND column_name NOT IN ('synthetic_id', 'n_codes') ORDER BY column_index"
        ).fetchall()
    common = [code for (code,) in rows]
    return queries(common[0], common[-1], [group for (group,) in groups]) if common else []


def write_readme(target: Path, database: Path, *, name: str, verdict: str) -> None:
    """Write the bundle's `README.md`; its queries name codes of this very cohort."""
    asked = example_queries(database)
    with duckdb.connect(str(database), read_only=True) as connection:
        n_wide = len(wide_codes(connection))
        count = "SELECT count(*) FROM vocabulary WHERE exclusive_group IS NULL"
        n_codes = int(connection.execute(count).fetchall()[0][0])
    blocks = "\n".join(f"{title}:\n\n```sql\n{sql}\n```\n" for title, sql in asked)
    first = asked[1][1].split('"')[1] if asked else "SYSTEM/value"
    limit = "" if n_wide == n_codes else f" It has the {n_wide:,} commonest of {n_codes:,} codes; `codes` has all."
    text = TEMPLATE.format(name=name, verdict=verdict, first=first, limit=limit, queries=blocks)
    write_text(target, text)
