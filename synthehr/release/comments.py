"""What tables, views and columns of `cohort.duckdb` are, as comments stored in the database."""

from collections.abc import Mapping

import duckdb

from synthehr.events.engine import literal, quoted

TABLES = {
    "patients": "One row a synthetic patient: demographics from the exclusive groups, and the number of other codes",
    "codes": "One row a synthetic patient and code: the cohort in long form",
    "matrix": "One row a synthetic patient: all codes as parallel lists, the cohort in sparse form",
    "vocabulary": "One row a code that a patient of this cohort can have",
    "_about": "What this file is, and that no row of it is a real patient",
}
COLUMNS = {
    "synthetic_id": "Id of a synthetic patient, always negative; it stands for no real person",
    "n_codes": "Number of distinct codes of the patient, demographics not counted",
    "code_index": "Position of the code in the vocabulary, from 0",
    "code": "SYSTEM/value, such as ICD9CM/250",
    "count": "How often the patient has the code, at least 1",
    "codes": "code_index of each code of the patient, ascending",
    "counts": "How often the patient has the code at the same place of the list codes",
    "description": "What the code means, as the source's dictionary says it; may be empty",
    "system": "Code system: what stands before the first slash of the code",
    "domain": "OMOP domain, by the code system alone",
    "exclusive_group": "Group of which each patient has exactly one member (such as sex, age, race), or NULL",
    "n_patients": "Number of synthetic patients with the code",
    "prevalence": "Share of synthetic patients with the code, in [0, 1]",
    "mean_count": "How often those who have the code have it on average; NULL where nobody has it",
    "key": "Name of a fact",
    "value": "The fact",
}


def comment_columns(connection: duckdb.DuckDBPyConnection, relation: str, comments: Mapping[str, str]) -> None:
    """Comment on columns of a table or view of the database in use; relation: as SQL writes it."""
    for column, comment in comments.items():
        connection.execute(f"COMMENT ON COLUMN {relation}.{quoted(column)} IS {literal(comment)}")


def comment_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Comment on every table of the database in use, and on its columns."""
    for table, comment in TABLES.items():
        connection.execute(f"COMMENT ON TABLE {table} IS {literal(comment)}")
        comment_columns(connection, table, {name: column_comment(name) for name in columns_of(connection, table)})


def column_comment(column: str) -> str:
    """What a column is; one that is not known is an exclusive group."""
    return COLUMNS.get(column, f"Demographics: the patient's member of the group {column}")


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Columns of a table or view of the schema main, in order."""
    rows = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND schema_name = 'main' "
        "AND database_name = current_database() ORDER BY column_index",
        [relation],
    ).fetchall()
    return [name for (name,) in rows]
