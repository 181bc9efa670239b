"""The views of `cohort.duckdb` on its own tables: long, wide, and one row a code."""

import duckdb

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.engine import literal, quoted
from synthehr.release.comments import column_comment, columns_of, comment_columns

WIDE_LIMIT = 1_000  # a view of more columns takes longer to plan than to run
TOGETHER = 20  # comments on the wide view a transaction: each is synced to disk, and long ones slow down


def create_views(connection: duckdb.DuckDBPyConnection, known: Vocabulary) -> None:
    """Create `codes_long` and `code_counts`, with comments, in the database in use."""
    groups = "".join(f", p.{quoted(g)}" for g in known.groups)
    _create(
        connection,
        "codes_long",
        f"""
        SELECT c.synthetic_id{groups}, c.code, v.description, v.system, v.domain, c."count"
        FROM codes c JOIN vocabulary v USING (code_index) JOIN patients p USING (synthetic_id)
        WHERE v.exclusive_group IS NULL
        """,
        "One row a synthetic patient and code with its description and the patient's demographics",
    )
    _create(
        connection,
        "code_counts",
        """
        SELECT v.code, v.description, v.system, v.domain, v.exclusive_group, count(c.synthetic_id) AS n_patients,
          count(c.synthetic_id) / (SELECT count(*) FROM patients) AS prevalence, avg(c."count") AS mean_count
        FROM vocabulary v LEFT JOIN codes c USING (code_index)
        GROUP BY v.code_index, v.code, v.description, v.system, v.domain, v.exclusive_group ORDER BY v.code_index
        """,
        "One row a code of the vocabulary, in its order: how many synthetic patients have it, and how often",
    )


def wide_codes(connection: duckdb.DuckDBPyConnection, limit: int = WIDE_LIMIT) -> list[tuple[int, str]]:
    """(code_index, code) of the columns of `patients_wide`: all codes in no group, or the `limit` commonest."""
    rows = connection.execute(
        """
        SELECT v.code_index, v.code, count(c.synthetic_id) AS n
        FROM vocabulary v LEFT JOIN codes c USING (code_index) WHERE v.exclusive_group IS NULL
        GROUP BY v.code_index, v.code ORDER BY n DESC, v.code_index LIMIT ?
        """,
        [limit],
    ).fetchall()
    return sorted((index, code) for index, code, _ in rows)


def commonest(connection: duckdb.DuckDBPyConnection, limit: int) -> list[tuple[str, str, bool]]:
    """(code, domain, whether in no group) of the commonest codes; first those in no group, of them conditions."""
    rows = connection.execute(
        "SELECT code, domain, exclusive_group IS NULL AS free FROM code_counts "
        "ORDER BY free DESC, domain <> 'Condition', n_patients DESC, code LIMIT ?",
        [limit],
    ).fetchall()
    return [(code, domain, free) for code, domain, free in rows]


def create_wide_view(connection: duckdb.DuckDBPyConnection, known: Vocabulary) -> None:
    """Create `patients_wide`, with comments, in the database in use; in transactions of its own."""
    chosen = wide_codes(connection)
    # DuckDB's names know no case: of two codes that differ in case alone the later carries its index
    taken = {"synthetic_id", "n_codes", *(g.lower() for g in known.groups)}
    labels = {}
    for j, code in chosen:
        labels[j] = f"{code} [{j}]" if code.lower() in taken else code
        taken.add(code.lower())
    # an expression a column: DuckDB computes only the columns that a query names; the lists are cast once, to signed
    # numbers whose differences are numbers too
    columns = "".join(f", coalesce(m.n[list_position(m.j, {j})], 0) AS {quoted(name)}" for j, name in labels.items())
    kept = "every code" if len(chosen) == len(known.free) else f"each of the {len(chosen)} commonest codes"
    connection.execute(
        f"""
        CREATE VIEW patients_wide AS SELECT p.*{columns} FROM patients p
        JOIN (SELECT synthetic_id, codes::INTEGER[] AS j, counts::INTEGER[] AS n FROM matrix) m USING (synthetic_id)
        """
    )
    says = f"One row a synthetic patient, one column for {kept} outside the exclusive groups: its count, 0 if absent"
    connection.execute(f"COMMENT ON VIEW patients_wide IS {literal(says)}")
    comments = {name: column_comment(name) for name in ("synthetic_id", *known.groups, "n_codes")}
    told = list((comments | {label: _meaning(known, j) for j, label in labels.items()}).items())
    for start in range(0, len(told), TOGETHER):
        connection.execute("BEGIN")
        comment_columns(connection, "patients_wide", dict(told[start : start + TOGETHER]))
        connection.execute("COMMIT")


def _meaning(known: Vocabulary, j: int) -> str:
    meaning = f" ({known.description[j]})" if known.description[j] else ""
    return f"How often the patient has {known.code[j]}{meaning}, 0 if not"


def _create(connection: duckdb.DuckDBPyConnection, view: str, sql: str, says: str) -> None:
    connection.execute(f"CREATE VIEW {view} AS {sql}")
    connection.execute(f"COMMENT ON VIEW {view} IS {literal(says)}")
    comment_columns(connection, view, {name: column_comment(name) for name in columns_of(connection, view)})
